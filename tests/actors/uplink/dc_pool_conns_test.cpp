// Which connections a pool opens beside slow ones, and which it closes.
#include "tests/actors/uplink/dc_pool_fixture.hpp"

namespace mtp::actors {
namespace {

using fixture = pool_fixture;

// -- slow endpoints -----------------------------------------------------------------------------

TEST_CASE_FIXTURE(fixture, "pool: after 250 ms the other family is tried; the first one up wins") {
  set_endpoints({"10.0.0.1:8888", "10.0.0.2:8888", "[2001:db8::1]:443"});
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 1; });
  start();
  node.advance(240ms);
  CHECK(connections.size() == 1);
  const auto id = open();
  node.advance(20ms);
  REQUIRE(tried() == endpoints({"10.0.0.1:8888", "[2001:db8::1]:443"}));
  CHECK_FALSE(connections[0].ended);

  SUBCASE("the second wins; the first is given up and not preferred for a while") {
    connect(1);
    make_ready(1);
    REQUIRE(opened(1).size() == 1);
    CHECK(opened(1)[0].stream == id);
    CHECK(connections[0].ended);
    CHECK(status().n_pending == 0);
    lose(1);
    REQUIRE(connections.size() == 3);
    CHECK(connections[2].options.to == *parse_endpoint("10.0.0.2:8888"));
    make_ready(2);
    lose(2);
    node.advance(30s);
    CHECK(tried().back() != *parse_endpoint("10.0.0.1:8888"));
  }
  SUBCASE("the first wins after all: the second is not needed") {
    make_ready(0);
    CHECK(connections[1].ended);
    CHECK(opened(0).size() == 1);
    // Nobody blames it: it is as good as any when one is needed.
    lose(0);
    lose(2);
    REQUIRE(connections.size() == 4);
    CHECK(status().n_pending == 1);
  }
  SUBCASE("both take long: the next one of the first family") {
    node.advance(260ms);
    CHECK(tried() == endpoints({"10.0.0.1:8888", "[2001:db8::1]:443", "10.0.0.2:8888"}));
    node.advance(5s);
    CHECK(connections.size() == 3);
  }
}

TEST_CASE_FIXTURE(fixture, "pool: prefer_ipv6 turns the families round") {
  set_endpoints({"10.0.0.1:8888", "[2001:db8::1]:443"});
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 1; });
  node.configure([&](auto& all) { all.uplink.prefer_ipv6 = true; });
  start();
  node.advance(260ms);
  CHECK(tried() == endpoints({"[2001:db8::1]:443", "10.0.0.1:8888"}));
}

TEST_CASE_FIXTURE(fixture, "pool: a far DC is not slow once its TCP connection is up") {
  set_endpoints({"10.0.0.1:8888", "10.0.0.2:8888"});
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 1; });
  start();
  node.advance(200ms);
  connect(0);
  node.advance(900ms);
  CHECK(connections.size() == 1);
  // Now the handshake has had its time.
  node.advance(200ms);
  CHECK(tried() == endpoints({"10.0.0.1:8888", "10.0.0.2:8888"}));
}

TEST_CASE_FIXTURE(fixture, "pool: a family without a route costs no time") {
  set_endpoints({"10.0.0.1:8888", "[2001:db8::1]:443", "[2001:db8::2]:443"});
  node.configure([&](auto& all) { all.uplink.prefer_ipv6 = true; });
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 1; });
  start();
  lose(0, false);
  lose(1, false);
  CHECK(tried() == endpoints({"[2001:db8::1]:443", "[2001:db8::2]:443", "10.0.0.1:8888"}));
}

TEST_CASE_FIXTURE(fixture, "pool: the only endpoint is not tried again while it takes its time") {
  start();
  node.advance(9s);
  CHECK(connections.size() == 2);
  make_ready(0);
  // The other one may come up as well: it is wanted, and its endpoint works.
  CHECK_FALSE(connections[1].ended);
  CHECK(status().n_pending == 1);
}

TEST_CASE_FIXTURE(fixture, "pool: a resting endpoint is tried when it has rested, others or not") {
  set_endpoints({"10.0.0.1:8888", "10.0.0.2:8888"});
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 1; });
  start();
  lose(0, false);
  REQUIRE(connections.size() == 2);
  // The second hangs.
  node.advance(2s);
  CHECK(tried() == endpoints({"10.0.0.1:8888", "10.0.0.2:8888", "10.0.0.1:8888"}));
}

TEST_CASE_FIXTURE(fixture, "pool: once an endpoint works again, the minimum is restored") {
  start();
  lose(0, false);
  lose(1, false);
  node.advance(4s);
  REQUIRE(connections.size() == 3);
  make_ready(2);
  CHECK(connections.size() == 4);
}

TEST_CASE_FIXTURE(fixture,
                  "pool: one that is closed early does not keep another's successor waiting") {
  start();
  make_ready(0);
  make_ready(1);
  // Rotated before it had a client; the other one goes on.
  lose(1, false);
  CHECK(connections.size() == 2);
  SUBCASE("it is replaced after a second") {
    node.advance(900ms);
    CHECK(connections.size() == 2);
    node.advance(200ms);
    CHECK(connections.size() == 3);
  }
  SUBCASE("the other one is rotated as well: nobody is left, so there is no waiting") {
    lose(0, true);
    CHECK(connections.size() == 4);
  }
  SUBCASE("the other one ends early too: that is a failing endpoint") {
    lose(0, false);
    CHECK(connections.size() == 2);
    node.advance(900ms);
    CHECK(connections.size() == 2);
  }
}

TEST_CASE_FIXTURE(fixture, "pool: connections are spread over the endpoints of a DC") {
  set_endpoints({"10.0.0.1:8888", "10.0.0.2:8888", "10.0.0.3:8888"});
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 6; });
  start();
  std::map<endpoint, int> count;
  for (const auto& at : tried())
    ++count[at];
  CHECK(count.size() == 3);
  for (const auto& [at, times] : count)
    CHECK(times == 2);
}

TEST_CASE_FIXTURE(fixture,
                  "pool: waiting clients wait for more connections, but not for slow ones") {
  set_endpoints({"10.0.0.1:8888", "10.0.0.2:8888"});
  start();
  for (int i = 0; i < 20; ++i)
    open();
  REQUIRE(connections.size() == 5);
  make_ready(0);
  // Not all to the first one: 4 per connection, and half as many more.
  CHECK(opened(0).size() == 7);
  const auto late = open();
  CHECK(status().n_waiting == 14);
  node.advance(260ms);
  CHECK(status().n_waiting == 0);
  CHECK(opened(0).back().stream == late);
}

// -- idle connections ---------------------------------------------------------------------------

/// Two connections that are kept, and two more after a rush of clients.
struct grown : pool_fixture {
  grown() {
    node.configure([&](auto& all) { all.uplink.dc_idle_timeout = 300s; });
    start();
    make_ready(0);
    make_ready(1);
    for (int i = 0; i < 5; ++i)
      open(false, 0);
    REQUIRE(connections.size() == 4);
    make_ready(2);
    make_ready(3);
  }
  std::size_t open_conns() {
    std::size_t count = 0;
    for (const auto& item : connections)
      count += item.ended ? 0 : 1;
    return count;
  }
  void pass(std::chrono::seconds time) {
    for (auto i = 0s; i < time; i += 10s)
      node.advance(10s);
  }
  double closed() {
    for (const auto& family : node.core.metrics.read())
      if (family.name == "mtproto_proxy_dc_idle_closed_total") return family.samples[0].value;
    return 0;
  }
  std::size_t busy() { return opened(0).size() == 5 ? 0 : 1; }
};

TEST_CASE_FIXTURE(grown, "pool: connections above the minimum are closed when they were idle") {
  REQUIRE(opened(busy()).size() == 5);
  leave(busy());
  leave(busy());
  pass(290s);
  CHECK(open_conns() == 4);
  pass(100s);
  // The ones that have clients, or are the minimum, stay.
  CHECK(open_conns() == 2);
  CHECK_FALSE(connections[busy()].ended);
  CHECK(connections[3].ended);
  CHECK(closed() == 2);
  CHECK(status().n_conns == 2);
  CHECK(status().n_clients == 3);
  // And no other one takes their place.
  pass(900s);
  CHECK(connections.size() == 4);
}

TEST_CASE_FIXTURE(grown, "pool: a client, however short its stay, makes a connection not idle") {
  for (int i = 0; i < 3; ++i)
    leave(busy());
  for (int i = 0; i < 10; ++i) {
    pass(100s);
    open(false, 0);
    open(false, 0);
    REQUIRE(connections[2].options.load->clients == 1);
    REQUIRE(connections[3].options.load->clients == 1);
    leave(2);
    leave(3);
  }
  CHECK_FALSE(connections[2].ended);
  CHECK_FALSE(connections[3].ended);
  // The other reactor's had nobody all the time.
  CHECK(open_conns() == 3);
}

TEST_CASE_FIXTURE(grown, "pool: an idle connection is kept while the others are nearly full") {
  open(false, 0);
  open(false, 1);
  open(false, 1);
  for (std::size_t place = 0; place < 4; ++place)
    connections[place].options.load->clients = place == 3 ? 0 : 4;
  pass(900s);
  CHECK(open_conns() == 4);
  for (std::size_t place = 0; place < 3; ++place)
    connections[place].options.load->clients = 2;
  pass(400s);
  CHECK(open_conns() == 3);
}

TEST_CASE_FIXTURE(grown, "pool: no client is lost when a connection is closed as idle") {
  for (int i = 0; i < 5; ++i)
    leave(busy());
  const auto before = connections.size();
  for (int i = 0; i < 200; ++i) {
    const auto id = open(false, static_cast<unsigned>(i % 2));
    bool found = false;
    for (std::size_t place = 0; place < before; ++place)
      for (const auto& request : opened(place))
        if (request.stream == id) {
          found = true;
          CHECK_FALSE(connections[place].ended);
          leave(place);
        }
    CHECK(found);
    node.advance(7s);
  }
  CHECK(open_conns() == 2);
  CHECK(connections.size() == before);
}

TEST_CASE_FIXTURE(fixture, "pool: with init_dc_connections = 0 even the last one is closed") {
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 0; });
  node.configure([&](auto& all) { all.uplink.dc_idle_timeout = 10s; });
  start();
  open();
  REQUIRE(connections.size() == 1);
  make_ready(0);
  node.advance(60s);
  CHECK_FALSE(connections[0].ended);
  leave(0);
  for (int i = 0; i < 15; ++i)
    node.advance(1s);
  CHECK(connections[0].ended);
  CHECK(status().n_conns == 0);
  open();
  CHECK(connections.size() == 2);
}

TEST_CASE_FIXTURE(
    fixture, "pool: a reactor's only connection stays while clients from there are elsewhere") {
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 1; });
  node.configure([&](auto& all) { all.uplink.clients_per_dc_connection = 100; });
  node.configure([&](auto& all) { all.uplink.dc_idle_timeout = 10s; });
  start();
  make_ready(0);
  const unsigned other = 1 - connections[0].reactor;
  for (int i = 0; i < 8; ++i)
    open(false, other);
  REQUIRE(connections.size() == 2);
  REQUIRE(connections[1].reactor == other);
  make_ready(1);
  pool_fixture::open(false, connections[0].reactor);
  for (int i = 0; i < 30; ++i)
    node.advance(1s);
  CHECK_FALSE(connections[1].ended);
  // They leave; one that belongs there comes.
  for (int i = 0; i < 9; ++i)
    leave(0);
  node.advance(5s);
  for (int i = 0; i < 30; ++i)
    node.advance(1s);
  CHECK(connections[1].ended);
}

TEST_CASE_FIXTURE(fixture, "pool: few strangers in a long time do not get a connection") {
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 1; });
  node.configure([&](auto& all) { all.uplink.clients_per_dc_connection = 100; });
  node.configure([&](auto& all) { all.uplink.dc_idle_timeout = 10s; });
  start();
  make_ready(0);
  for (int i = 0; i < 50; ++i) {
    open(false, 1 - connections[0].reactor);
    node.advance(2s);
  }
  CHECK(connections.size() == 1);
  for (int i = 0; i < 8; ++i)
    open(false, 1 - connections[0].reactor);
  CHECK(connections.size() == 2);
}

}  // namespace
}  // namespace mtp::actors
