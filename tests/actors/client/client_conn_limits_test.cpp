// How long a client_conn waits for its client, and when the client has to go.
#include "tests/actors/client/client_conn_fixture.hpp"

namespace mtp::actors {
namespace {

TEST_CASE_FIXTURE(client_conn_fixture, "client_conn: upstream_send_timeout_ms = 0 means never") {
  node.configure([&](auto& all) { all.client.upstream_send_timeout = 0ms; });
  const auto id = established();
  tell(id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  node.advance(600s);
  CHECK(port->connections == 1);
}

TEST_CASE_FIXTURE(
    client_conn_fixture,
    "client_conn: a client that takes nothing is closed after upstream_send_timeout") {
  node.configure([&](auto& all) { all.client.upstream_send_timeout = 5s; });
  const auto id = established();
  tell(id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  node.advance(4s);
  CHECK(port->connections == 1);
  node.advance(2s);
  CHECK(port->connections == 0);
  CHECK(counted("upstream_send_error_total", {{"reason", "timeout"}}) == 1);
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: a handshake takes init_timeout at the most, however it drips") {
  node.configure([&](auto& all) { all.client.init_timeout = 10s; });
  connect();
  for (int i = 0; i < 9; ++i) {
    write(bytes{0x42});
    node.advance(1s);
  }
  CHECK_FALSE(closed());
  node.advance(2s);
  CHECK(closed());
  CHECK(counted("inactive_timeout_total") == 1);
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: idle clients are put to rest, then closed; activity starts over") {
  node.configure([&](auto& all) { all.client.hibernate_timeout = 60s; });
  node.configure([&](auto& all) { all.client.ready_timeout = 1200s; });
  const auto id = established();
  node.advance(61s);
  CHECK(counted("inactive_hibernate_total") == 1);
  send_packet(packet_of(8));
  tell(id, stream::data{packet_buffer{packet_of(8)}, false});
  CHECK(counted("timer_switch_total", {{"from", "stop"}, {"to", "hibernate"}}) == 1);
  node.advance(1100s);
  CHECK_FALSE(closed());
  static_cast<void>(packets());
  node.advance(200s);
  CHECK(closed());
  CHECK(counted("inactive_timeout_total") == 1);
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: when its place is needed it closes, unless it is a client") {
  const auto crowd_out = [&] {
    caf::anon_send(caf::actor_cast<caf::actor>(handler), crowded_out{});
    node.settle();
  };
  const auto counts = [&] { return counted("protocol_error_total", {{"reason", "crowded_out"}}); };
  SUBCASE("silent") {
    connect();
    CHECK(port->newcomers.size() == 1);
    REQUIRE(port->newcomers.choose(node.core.reactors[0]->now(), false));
    CHECK(port->newcomers.leaving() == 1);
    crowd_out();
    CHECK(port->newcomers.leaving() == 0);
    CHECK(closed());
    CHECK(counts() == 1);
    CHECK(port->connections == 0);
  }
  SUBCASE("gone meanwhile") {
    connect();
    client = {};
    node.settle();
    CHECK(port->newcomers.size() == 0);
  }
  SUBCASE("with a header") {
    connect();
    send_header();
    CHECK(port->newcomers.size() == 0);
    crowd_out();
    CHECK_FALSE(closed());
  }
  SUBCASE("with a hello") {
    connect();
    write(make_client_hello(port->version.get()->settings.secret, "example.com", 1,
                            net::random_array<client_hello_random_size>()));
    CHECK(port->newcomers.size() == 0);
    crowd_out();
    bytes flight(65536);
    CHECK(::recv(client.get(), flight.data(), flight.size(), 0) > 0);
    CHECK_FALSE(closed());
  }
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: without upstream_send_timeout_ms bytes may wait for ever") {
  node.configure([&](auto& all) { all.client.upstream_send_timeout = 0ms; });
  const auto id = established();
  // More than the client's kernel takes.
  tell(id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  node.advance(10s);
  tell(id, stream::migrate{});
  CHECK(last_stream() != id);
  open();
  node.advance(600s);
  CHECK(port->connections == 1);
  CHECK(counted("upstream_send_error_total", {{"reason", "timeout"}}) == 0);
}

}  // namespace
}  // namespace mtp::actors
