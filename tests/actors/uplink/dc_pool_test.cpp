#include "tests/actors/uplink/dc_pool_fixture.hpp"

namespace mtp::actors {
namespace {

using fixture = pool_fixture;

TEST_CASE_FIXTURE(
    fixture, "pool: opens init_dc_connections, spread over reactors, and never waits for them") {
  start();
  REQUIRE(connections.size() == 2);
  CHECK(connections[0].options.dc == tested_dc);
  CHECK(connections[0].options.to == *parse_endpoint("10.0.0.1:8888"));
  CHECK(status().n_pending == 2);
  CHECK(status().n_conns == 0);
  make_ready(0);
  CHECK(status().n_conns == 1);
  CHECK(status().n_pending == 1);
}

TEST_CASE_FIXTURE(
    fixture, "pool: a client waits for the first connection, and goes to the least loaded one") {
  start();
  const auto first = open();
  CHECK(status().n_waiting == 1);
  make_ready(0);
  REQUIRE(opened(0).size() == 1);
  CHECK(opened(0)[0].stream == first);
  CHECK(status().n_waiting == 0);
  CHECK(status().n_clients == 1);
  make_ready(1);
  open();
  open();
  // Whatever the reactors: nobody has three while somebody has none.
  CHECK(opened(0).size() + opened(1).size() == 3);
}

TEST_CASE_FIXTURE(fixture, "pool: a client prefers a connection on its own reactor") {
  start();
  make_ready(0);
  make_ready(1);
  for (int i = 0; i < 4; ++i)
    open(false, 1);
  // The two connections are on different reactors: all four clients are on one of them.
  CHECK(connections[0].reactor != connections[1].reactor);
  CHECK(opened(connections[0].reactor == 1 ? 0 : 1).size() == 4);
  CHECK(status().max == 4);
}

TEST_CASE_FIXTURE(fixture, "pool: a full connection brings more of them, a rush many more") {
  start();
  make_ready(0);
  make_ready(1);
  const auto before = connections.size();
  for (int i = 0; i < 5; ++i)
    open(false, 0);
  CHECK(connections.size() == before + 2);
  for (int i = 0; i < 20; ++i)
    open(false, 0);
  CHECK(status().n_pending == 10);
}

TEST_CASE_FIXTURE(fixture, "pool: clients that wait in vain are refused after dc_wait_timeout") {
  start();
  const auto id = open();
  node.advance(9s);
  CHECK_FALSE(was_refused(id, refusal::no_conn));
  node.advance(2s);
  CHECK(was_refused(id, refusal::no_conn));
  CHECK(status().n_waiting == 0);
}

TEST_CASE_FIXTURE(fixture,
                  "pool: with init_dc_connections = 0 a new client brings a connection, a "
                  "migrating one is refused") {
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 0; });
  start();
  CHECK(connections.empty());
  const auto migrating = open(true);
  CHECK(was_refused(migrating, refusal::no_conn));
  CHECK(connections.empty());
  const auto fresh = open();
  REQUIRE(connections.size() == 1);
  make_ready(0);
  REQUIRE(opened(0).size() == 1);
  CHECK(opened(0)[0].stream == fresh);
}

TEST_CASE_FIXTURE(fixture, "pool: too many waiting clients are refused at once") {
  start();
  for (std::size_t i = 0; i < max_waiting_clients; ++i)
    caf::anon_send(pool, open_stream{.stream = ++last_stream, .client = client.handle()});
  const auto one_more = open();
  CHECK(was_refused(one_more, refusal::overloaded));
  CHECK(status().n_waiting == max_waiting_clients);
}

TEST_CASE_FIXTURE(fixture,
                  "pool: a client that gave up is taken off the queue, or off its connection") {
  start();
  const auto waits = open();
  caf::anon_send(pool, cancel_stream{waits});
  node.settle();
  CHECK(status().n_waiting == 0);
  make_ready(0);
  CHECK(opened(0).empty());

  const auto assigned = open();
  caf::anon_send(pool, cancel_stream{assigned});
  node.settle();
  REQUIRE(connections[0].box.all<frame_from_client>().size() == 1);
  CHECK(connections[0].box.all<frame_from_client>()[0] ==
        frame_from_client{assigned, stream::close{}});
}

TEST_CASE_FIXTURE(fixture, "pool: a connection that crashed hands its clients-to-be back") {
  start();
  make_ready(0);
  make_ready(1);
  // Dead, and the pool has not heard of it.
  caf::anon_send_exit(connections[0].box.handle(), caf::exit_reason::kill);
  caf::anon_send_exit(connections[1].box.handle(), caf::exit_reason::kill);
  const auto id = open();
  CHECK(status().n_waiting == 1);
  // Two failures at once: two seconds of rest, and jitter.
  node.advance(3s);
  REQUIRE(connections.size() > 2);
  make_ready(2);
  REQUIRE(opened(2).size() == 1);
  CHECK(opened(2)[0].stream == id);
}

TEST_CASE_FIXTURE(fixture, "pool: a lost connection is replaced; failures wait longer and longer") {
  start();
  make_ready(0);
  make_ready(1);
  lose(0);
  CHECK(connections.size() == 3);
  // That one fails: the endpoint rests, first about a second.
  lose(2, false);
  CHECK(connections.size() == 3);
  node.advance(900ms);
  CHECK(connections.size() == 3);
  node.advance(700ms);
  REQUIRE(connections.size() == 4);
  lose(3, false);
  node.advance(1900ms);
  CHECK(connections.size() == 4);
  node.advance(1300ms);
  REQUIRE(connections.size() == 5);
  make_ready(4);
  lose(4);
  CHECK(connections.size() == 6);
}

TEST_CASE_FIXTURE(fixture,
                  "pool: ten minutes of outage with clients coming do not pile up timers") {
  set_endpoints({"10.0.0.1:8888", "10.0.0.2:8888", "10.0.0.3:8888"});
  start();
  std::size_t lost = 0;
  for (int i = 0; i < 2400; ++i) {
    open();
    node.advance(250ms);
    for (; lost < connections.size(); ++lost)
      lose(lost, false);
  }
  CHECK(node.scheduler().clock().schedule().size() < 100);
}

TEST_CASE_FIXTURE(fixture, "pool: CRC32C is not offered again once it seems to end connections") {
  start();
  REQUIRE(connections.size() == 2);
  CHECK(connections[0].options.offer_crc32c);
  lose_in_handshake(0);
  // At once, as there is another reason to hope.
  REQUIRE(connections.size() == 3);
  CHECK_FALSE(connections[2].options.offer_crc32c);
  CHECK(config.all<dc_keys_in_doubt>().empty());
  // It was not the offer.
  lose_in_handshake(2);
  CHECK(config.all<dc_keys_in_doubt>().size() == 1);
}

/// Loses every connection, for so long that its endpoints rest.
void fail_for_a_while(pool_fixture& in) {
  std::size_t lost = 0;
  for (int i = 0; i < 200; ++i) {
    for (; lost < in.connections.size(); ++lost)
      in.lose_in_handshake(lost);
    in.node.advance(100ms);
  }
  for (; lost < in.connections.size(); ++lost)
    in.lose_in_handshake(lost);
}

TEST_CASE_FIXTURE(fixture, "pool: what failed for a reason that is gone is tried at once") {
  start();
  fail_for_a_while(*this);
  const auto before = connections.size();
  const auto change = [&](const std::function<void(telegram_config&)>& how) {
    auto next = std::make_shared<telegram_config>(*node.uplink.telegram.get());
    how(*next);
    node.uplink.telegram.set(next);
    caf::anon_send(pool, telegram_config_changed{});
    node.settle();
  };
  SUBCASE("nothing that concerns it has changed") {
    change([](auto& it) { it.v4.endpoints[5] = {*parse_endpoint("10.0.0.5:8888")}; });
    CHECK(connections.size() == before);
    return;
  }
  SUBCASE("the secret") {
    change([](auto& it) { it.secret = bytes(128, 0x77); });
  }
  SUBCASE("our address") {
    change([](auto& it) { it.external_v4 = ip_address::v4({198, 51, 100, 7}); });
  }
  SUBCASE("the endpoints, this one still among them") {
    change(
        [](auto& it) { it.v4.endpoints[tested_dc].push_back(*parse_endpoint("10.0.0.2:8888")); });
  }
  CHECK(connections.size() == before + 2);
  CHECK(connections[before].options.to == *parse_endpoint("10.0.0.1:8888"));
}

TEST_CASE_FIXTURE(fixture, "pool: attempts with old keys, or to old endpoints, are given up") {
  start();
  REQUIRE(connections.size() == 2);
  make_ready(0);
  auto next = std::make_shared<telegram_config>(*node.uplink.telegram.get());
  SUBCASE("keys") {
    next->secret = bytes(128, 0x77);
  }
  SUBCASE("endpoint") {
    next->v4.endpoints[tested_dc] = {*parse_endpoint("10.0.0.9:8888")};
  }
  node.uplink.telegram.set(next);
  caf::anon_send(pool, telegram_config_changed{});
  node.settle();
  // What is up stays up.
  CHECK_FALSE(connections[0].ended);
  CHECK(connections[1].ended);
  REQUIRE(connections.size() == 3);
  CHECK(connections[2].options.to == next->v4.endpoints[tested_dc].front());
}

TEST_CASE_FIXTURE(fixture,
                  "pool: a client that left while its connection crashed is not assigned") {
  start();
  make_ready(0);
  caf::anon_send_exit(connections[0].box.handle(), caf::exit_reason::kill);
  caf::anon_send(
      pool,
      open_stream{
          .stream = 77, .client = client.handle(), .request = {.dc = tested_dc}, .reactor = 0});
  caf::anon_send(pool, cancel_stream{77});
  node.settle();
  make_ready(1);
  CHECK(opened(1).empty());
  CHECK(status().n_waiting == 0);
}

TEST_CASE_FIXTURE(fixture, "pool: at most one attempt a second goes to an endpoint that fails") {
  start();
  lose(0, false);
  lose(1, false);
  const auto begun = connections.size();
  for (int i = 0; i < 600; ++i) {
    node.advance(100ms);
    if (connections.back().options.number != 0 && connections.size() > begun)
      lose(connections.size() - 1, false);
  }
  // A minute: 1 + 2 + 4 + 8 + 16 + 30 s of rest at the least.
  CHECK(connections.size() - begun <= 60);
  CHECK(connections.size() - begun >= 3);
}

TEST_CASE_FIXTURE(fixture, "pool: endpoints are tried in turn, IPv6 when IPv4 fails") {
  set_endpoints({"10.0.0.1:8888", "10.0.0.2:8888", "[2001:db8::1]:443"});
  node.configure([&](auto& all) { all.uplink.init_dc_connections = 1; });
  start();
  std::vector<endpoint> tried;
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(connections.size() == i + 1);
    tried.push_back(connections[i].options.to);
    lose(i, false);
  }
  CHECK(tried == std::vector{*parse_endpoint("10.0.0.1:8888"), *parse_endpoint("10.0.0.2:8888"),
                             *parse_endpoint("[2001:db8::1]:443")});
}

TEST_CASE_FIXTURE(fixture, "pool: an outage is told once, after a while, and its end too") {
  start();
  lose(0, false);
  lose(1, false);
  CHECK(config.all<dc_outage>().empty());
  node.advance(6s);
  REQUIRE(config.all<dc_outage>().size() == 1);
  CHECK(config.all<dc_outage>()[0].dc == tested_dc);
  CHECK(config.all<dc_outage>()[0].why == "10.0.0.1:8888: lost");
  node.advance(60s);
  CHECK(config.all<dc_outage>().size() == 1);
  // Whoever publishes something new may be a new dc_config, which does not know.
  caf::anon_send(pool, telegram_config_changed{});
  node.settle();
  CHECK(config.all<dc_outage>().size() == 2);
  make_ready(connections.size() - 1);
  CHECK(config.all<dc_recovery>().size() == 1);
}

TEST_CASE_FIXTURE(fixture, "pool: its first connection ends an outage that another pool told") {
  start();
  make_ready(0);
  CHECK(config.all<dc_recovery>().size() == 1);
  make_ready(1);
  CHECK(config.all<dc_recovery>().size() == 1);
}

TEST_CASE_FIXTURE(fixture, "pool: it lists its connections, and says why there is none") {
  start();
  std::vector<pool_conn_status> conns;
  const auto list = [&] {
    node.system().spawn([&](caf::event_based_actor* self) {
      self->request(pool, caf::infinite, list_pool_conns{})
          .then([&](const std::vector<pool_conn_status>& now) { conns = now; });
    });
    node.settle();
  };
  make_ready(1);
  open();
  list();
  REQUIRE(conns.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(conns[i].number == connections[i].options.number);
    CHECK(conns[i].handle == connections[i].box.handle());
    CHECK(conns[i].reactor == connections[i].reactor);
    CHECK(conns[i].to == *parse_endpoint("10.0.0.1:8888"));
    CHECK(conns[i].ready == (i == 1));
    CHECK(conns[i].clients == i);
  }
  lose(0, false);
  CHECK(status().last_failure.empty());
  lose(1, false);
  CHECK(status().last_failure == "10.0.0.1:8888: lost");
}

TEST_CASE_FIXTURE(fixture, "pool: clients that wait when it dies are told to ask again") {
  start();
  const auto id = open();
  caf::anon_send_exit(pool, caf::exit_reason::kill);
  node.settle();
  REQUIRE(client.all<frame_to_client>().size() == 1);
  CHECK(client.all<frame_to_client>()[0] == frame_to_client{id, stream::migrate{}});
}

}  // namespace
}  // namespace mtp::actors
