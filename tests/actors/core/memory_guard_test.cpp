#include "actors/core/memory_guard.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "actors/client/client_conn.hpp"
#include "codecs/client/obfuscated2.hpp"
#include "net/loop/bound_port.hpp"
#include "net/loop/entropy.hpp"
#include "tests/support/fixed_uplink.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t mib = std::size_t{1} << 20U;

TEST_CASE("memory ledger: marks, and what each reactor has to give") {
  memory_ledger ledger;
  ledger.open(2, 64 * mib);
  CHECK(ledger.pressure() == memory_pressure::none);
  // The marks: 24 MiB, and 7/8 and 3/4 of that.
  ledger.change(0, 0, 18 * mib);
  ledger.change(1, 0, 2 * mib);
  CHECK(ledger.pressure() == memory_pressure::none);
  ledger.change(1, 2 * mib, 3 * mib);
  CHECK(ledger.pressure() == memory_pressure::tight);
  ledger.change(1, 3 * mib, 6 * mib);
  CHECK(ledger.pressure() == memory_pressure::exhausted);
  CHECK(ledger.held() == 24 * mib);
  CHECK(ledger.held_by(0) == 18 * mib);
  // Down to 18 MiB, each in proportion.
  CHECK(ledger.surplus_of(0) == 9 * mib / 2);
  CHECK(ledger.surplus_of(1) == 3 * mib / 2);
  ledger.change(0, 18 * mib, 0);
  ledger.change(1, 6 * mib, 0);
  CHECK(ledger.held() == 0);
  CHECK(ledger.pressure() == memory_pressure::none);
}

TEST_CASE(
    "memory ledger: what is in transit between reactors counts until it is taken or dropped") {
  memory_ledger ledger;
  ledger.open(2, 64 * mib);
  ledger.change(0, 0, 12 * mib);
  {
    auto small = ledger.claim_transit(5 * mib);
    CHECK_FALSE(ledger.transit_is_full(false));
    auto large = ledger.claim_transit(7 * mib);
    CHECK(ledger.transit_is_full(false));
    CHECK(ledger.held() == 24 * mib);
    CHECK(ledger.pressure() == memory_pressure::exhausted);
    // The 6 MiB too many are all taken from the only reactor that holds any.
    CHECK(ledger.surplus_of(0) == 6 * mib);
    CHECK(ledger.surplus_of(1) == 0);
    const auto moved = std::move(small);
    large = {};
    CHECK(ledger.held() == 17 * mib);
    const auto copied = moved;
    CHECK(ledger.held() == 22 * mib);
    CHECK(ledger.transit_is_full(true));
  }
  CHECK(ledger.held() == 12 * mib);
  CHECK_FALSE(ledger.transit_is_full(true));
}

struct fixture {
  test::manual_node node;
  std::shared_ptr<open_port> port;
  test::inbox<frame_from_client, open_stream, cancel_stream> dc{node.system()};
  test::fixed_uplink uplink;
  std::vector<net::unique_fd> clients;
  std::vector<caf::weak_actor_ptr> handlers;
  caf::actor guard;

  fixture() {
    auto sockets =
        net::bound_port::bind({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0}, 1, false);
    REQUIRE(sockets);
    config::port_settings settings{.name = "test", .secret = net::random_array<16>()};
    port = std::make_shared<open_port>(settings, client_metrics{node.core.metrics, "test"});
    uplink.to = dc.handle();
    node.client.uplink = &uplink;
    guard = net::spawn_pinned<memory_guard>(*node.core.reactors[0], std::ref(node.core));
    node.settle();
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  fixture(fixture&&) = delete;
  fixture& operator=(fixture&&) = delete;
  ~fixture() {
    clients.clear();
    caf::anon_send_exit(guard, caf::exit_reason::kill);
    node.settle();
  }

  /// A client in its tunnel, which will never read.
  std::size_t add_client() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
    clients.emplace_back(fds[1]);
    handlers.push_back(caf::actor_cast<caf::weak_actor_ptr>(
        net::spawn_pinned<client_conn>(*node.core.reactors[0], std::ref(node.client), port,
                                       accepted_client{.fd = net::unique_fd{fds[0]},
                                                       .peer = *parse_endpoint("198.51.100.7:1234"),
                                                       .taken = ticket{port->connections}})));
    const auto header = make_obfuscated2(net::random_array<64>(),
                                         port->version.get()->settings.secret, framing::padded, 2);
    REQUIRE(::send(fds[1], header.header.data(), header.header.size(), 0) == 64);
    node.settle();
    caf::anon_send(caf::actor_cast<caf::actor>(handlers.back()),
                   stream_opened{dc.all<open_stream>().back().stream, dc.handle()});
    node.settle();
    return handlers.size() - 1;
  }
  void send(std::size_t to, std::size_t size) {
    caf::anon_send(caf::actor_cast<caf::actor>(handlers[to]),
                   frame_to_client{dc.all<open_stream>()[to].stream,
                                   stream::data{packet_buffer{bytes(size)}}});
    node.settle();
  }
  bool closed(std::size_t client) {
    bytes into(1 << 20);
    ssize_t got = 0;
    while ((got = ::recv(clients[client].get(), into.data(), into.size(), 0)) > 0) {
    }
    return got == 0;
  }
};

TEST_CASE_FIXTURE(fixture, "memory guard: at the hard mark those that hold most are closed") {
  // The hard mark is at 96 MiB.
  for (int i = 0; i < 4; ++i)
    add_client();
  send(0, mib);
  send(1, 40 * mib);
  send(2, 30 * mib);
  CHECK(node.core.memory.pressure() == memory_pressure::none);
  send(3, 30 * mib);
  CHECK(port->connections == 3);
  CHECK(node.core.memory.pressure() == memory_pressure::none);
  CHECK(closed(1));
  CHECK_FALSE(closed(0));
  CHECK_FALSE(closed(2));
  CHECK_FALSE(closed(3));
}

TEST_CASE_FIXTURE(
    fixture, "memory guard: above the soft mark new clients wait, for 2 s; then there is room") {
  for (int i = 0; i < 3; ++i)
    add_client();
  for (std::size_t i = 0; i < 3; ++i)
    send(i, 29 * mib);
  CHECK(node.core.memory.pressure() == memory_pressure::tight);
  node.advance(1s);
  CHECK(port->connections == 3);
  node.advance(1500ms);
  CHECK(port->connections == 2);
  CHECK(node.core.memory.pressure() == memory_pressure::none);
}

TEST_CASE_FIXTURE(fixture,
                  "memory guard: what clients can't give back, DC connections are asked for") {
  test::inbox<memory_is_scarce> conn{node.system()};
  node.uplink.conns.open(1);
  node.uplink.conns.offer(2, 0, conn.handle(), std::make_shared<dc_conn_load>());
  add_client();
  send(0, mib);
  // As the connection counts what Telegram does not take.
  node.core.memory.change(0, 0, 90 * mib);
  CHECK(node.core.memory.pressure() == memory_pressure::tight);
  node.settle();
  CHECK(conn.all<memory_is_scarce>().empty());
  node.advance(2100ms);
  CHECK(port->connections == 0);
  CHECK(conn.all<memory_is_scarce>().size() == 1);
  // Nothing grows, and yet it is not forgotten.
  node.advance(2100ms);
  CHECK(conn.all<memory_is_scarce>().size() == 2);
  node.core.memory.change(0, 90 * mib, 0);
  node.advance(2100ms);
  node.advance(2100ms);
  CHECK(conn.all<memory_is_scarce>().size() == 2);
  node.uplink.conns.withdraw(2, 0, conn.handle());
}

TEST_CASE_FIXTURE(fixture, "memory guard: a client that is gone holds nothing") {
  const auto client = add_client();
  send(client, 10 * mib);
  CHECK(node.core.memory.held() > 9 * mib);
  clients.clear();
  node.settle();
  CHECK(node.core.memory.held() == 0);
}

}  // namespace
}  // namespace mtp::actors
