// Dials against listeners on loopback.
#include "net/dial/dialing.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include "net/dial/blocking_dial.hpp"
#include "net/loop/bound_port.hpp"
#include "net/loop/socket_address.hpp"
#include "tests/net/dial/dial_fixture.hpp"
#include "tests/support/silent_listener.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::uint8_t, 4> loopback{127, 0, 0, 1};
constexpr std::array<std::uint8_t, 4> other_loopback{127, 0, 0, 2};

/// Listens on a port of its own, and answers unless it is full.
struct listener {
  explicit listener(const std::array<std::uint8_t, 4>& ip = loopback, std::uint16_t port = 0) {
    auto bound = bound_port::bind({.ip = ip_address::v4(ip), .port = port}, 1, false);
    REQUIRE(bound);
    on.emplace(std::move(*bound));
  }
  [[nodiscard]] std::uint16_t port() const { return on->where().port; }
  [[nodiscard]] unique_fd accept() const {
    return unique_fd{::accept4(on->socket(0), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
  }

  std::optional<bound_port> on;
};

using test::silent_listener;

struct fixture : test::dial_fixture {
  std::unique_ptr<dialing> start(dial_target target) {
    return std::make_unique<dialing>(names, std::move(target), dial_limits{},
                                     [this](dial_result done) { result = std::move(done); });
  }
  /// What the dial comes to, without time passing for the loop.
  dial_result dial(dial_target target) {
    result.reset();
    const auto way = start(std::move(target));
    REQUIRE_FALSE(result);
    REQUIRE(soon([&] { return result.has_value(); }));
    return std::move(*result);
  }
  static endpoint nobody_at() {
    return {.ip = ip_address::v4(loopback), .port = listener{}.port()};
  }

  std::optional<dial_result> result;
};

TEST_CASE_FIXTURE(fixture, "dialing: a name does not lead to a forbidden address") {
  const listener there;
  dns.set("site.test", {.addresses = {ip_address::v4(loopback), ip_address::v4(other_loopback)}});
  dial_target target{.host = "site.test", .port = there.port()};
  target.forbids = [](const ip_address& ip) { return ip != ip_address::v4(loopback); };
  const auto up = dial(target);
  REQUIRE(up);
  CHECK(up->remote.ip == ip_address::v4(loopback));
  CHECK(up->untried.empty());

  target.forbids = [](const ip_address&) { return true; };
  const auto down = dial(target);
  REQUIRE_FALSE(down);
  CHECK(down.error().error == EACCES);
  CHECK(down.error().text.find("127.0.0.1: this name may not lead to it") != std::string::npos);
}

TEST_CASE_FIXTURE(fixture, "dialing: a host by its name, its address, or in brackets") {
  const listener there;
  dns.set("back.test", {.addresses = {ip_address::v4(loopback)}});
  for (const auto* const host : {"back.test", "127.0.0.1", "[127.0.0.1]", "localhost"}) {
    CAPTURE(host);
    const auto up = dial({.host = host, .port = there.port()});
    REQUIRE(up);
    const auto peer = there.accept();
    REQUIRE(peer);
    CHECK(up->remote == there.on->where());
    CHECK(up->local == peer_endpoint(peer.get()));
    CHECK(up->local == local_endpoint(up->fd.get()));
    CHECK((::fcntl(up->fd.get(), F_GETFL) & O_NONBLOCK) != 0);
  }
}

TEST_CASE_FIXTURE(fixture, "dialing: the peer sees the address that the connection is bound to") {
  const listener there;
  const auto up = dial({.host = "127.0.0.1",
                        .port = there.port(),
                        .bind_v4 = ip_address::v4(other_loopback),
                        .bind_v6 = ip_address::parse("2001:db8::1")});
  REQUIRE(up);
  const auto peer = there.accept();
  CHECK(peer_endpoint(peer.get()).ip == ip_address::v4(other_loopback));
  CHECK(up->local == peer_endpoint(peer.get()));
}

TEST_CASE_FIXTURE(fixture, "dialing: why it failed") {
  SUBCASE("an address that is not ours") {
    const auto to = nobody_at();
    const auto failure =
        dial({.host = "127.0.0.1", .port = to.port, .bind_v4 = ip_address::parse("192.0.2.1")})
            .error();
    CHECK(failure.error == EADDRNOTAVAIL);
    CHECK(failure.text == to_string(to) + ": from 192.0.2.1: Cannot assign requested address");
  }
  SUBCASE("nobody listens") {
    const auto to = nobody_at();
    const auto failure = dial({.host = "127.0.0.1", .port = to.port}).error();
    CHECK(failure.error == ECONNREFUSED);
    CHECK(failure.reason == "Connection refused");
    CHECK(failure.text == to_string(to) + ": Connection refused");
  }
  SUBCASE("no such name") {
    const auto failure = dial({.host = "none.test", .port = 1}).error();
    CHECK(failure.error == EHOSTUNREACH);
    CHECK(failure.text == "none.test: can't find its address: there is no such name");
    // Of which the name server is not asked again at once.
    CHECK_FALSE(dial({.host = "none.test", .port = 1}));
    CHECK(dns.asked("none.test") == 1);
  }
  SUBCASE("what is no name can't write to a terminal") {
    CHECK(dial({.host = "\x1b[2J", .port = 1}).error().text.find('\x1b') == std::string::npos);
  }
  SUBCASE("nobody listens at any address") {
    const auto a = nobody_at();
    const endpoint b{.ip = ip_address::v4(other_loopback), .port = a.port};
    const auto failure = dial({.addresses = {a, b}}).error();
    CHECK(failure.text ==
          to_string(a) + ": Connection refused; " + to_string(b) + ": Connection refused");
  }
}

TEST_CASE_FIXTURE(fixture, "dialing: an address that does not answer has its limit") {
  const silent_listener silent;
  const auto way = start({.addresses = {silent.where}});
  turn();
  loop.advance(4900ms);
  CHECK_FALSE(result);
  loop.advance(200ms);
  REQUIRE(result);
  CHECK(result->error().error == ETIMEDOUT);
  CHECK(result->error().text == to_string(silent.where) + ": no answer within 5 s");
}

TEST_CASE_FIXTURE(fixture, "dialing: the next address is tried when one has failed") {
  const listener there;
  const auto nobody = nobody_at();
  // No time passes here.
  const auto up = dial({.addresses = {nobody, there.on->where(), nobody}});
  REQUIRE(up);
  CHECK(up->remote == there.on->where());
  CHECK(up->failures == to_string(nobody) + ": Connection refused");
  CHECK(up->untried == std::vector{nobody});
}

TEST_CASE_FIXTURE(fixture, "dialing: a host that listens on one family only") {
  const auto v6_loopback = *ip_address::parse("::1");
  if (!source_address({.ip = v6_loopback, .port = 1})) return test::skip("no IPv6 on this machine");
  dns.set("back.test", {.addresses = {v6_loopback, ip_address::v4(loopback)}});
  SUBCASE("IPv4") {
    const listener there;
    const auto up = dial({.host = "back.test", .port = there.port()});
    REQUIRE(up);
    CHECK(up->remote == there.on->where());
  }
  SUBCASE("IPv6") {
    const auto there = bound_port::bind({.ip = v6_loopback, .port = 0}, 1, false);
    REQUIRE(there);
    const auto up = dial({.host = "back.test",
                          .port = there->where().port,
                          .bind_v4 = ip_address::parse("192.0.2.1")});
    REQUIRE(up);
    CHECK(up->remote == there->where());
    CHECK(up->local.ip == v6_loopback);
  }
}

TEST_CASE_FIXTURE(fixture, "dialing: the next address is tried beside one that is slow") {
  const silent_listener silent;
  const listener there;
  const auto way = start({.addresses = {silent.where, there.on->where()}});
  turn();
  loop.advance(200ms);
  turn();
  CHECK_FALSE(there.accept());
  loop.advance(60ms);
  turn();
  REQUIRE(result);
  REQUIRE(*result);
  CHECK((*result)->remote == there.on->where());
  // It may still be of use to a caller that wants more than TCP.
  CHECK((*result)->untried == std::vector{silent.where});
}

TEST_CASE_FIXTURE(fixture, "dialing: whoever fails makes the next look-up ask again") {
  const listener there{other_loopback};
  dns.set("back.test", {.addresses = {ip_address::v4(loopback)}, .ttl = 200});
  CHECK_FALSE(dial({.host = "back.test", .port = there.port()}));
  CHECK(names.kept() == 0);
  dns.set("back.test", {.addresses = {ip_address::v4(other_loopback)}, .ttl = 200});
  CHECK(dial({.host = "back.test", .port = there.port()}));
  CHECK(names.kept() == 1);
  CHECK(dns.asked("back.test") == 2);
}

TEST_CASE_FIXTURE(fixture, "dialing: it may be given up at any moment") {
  const listener there;
  dns.set("back.test", {.addresses = {ip_address::v4(loopback)}});
  int told = 0;
  SUBCASE("at any turn of the loop") {
    for (int turns = 0; turns < 16; ++turns) {
      const dialing way{names,
                        {.host = turns % 2 == 0 ? "back.test" : "127.0.0.1", .port = there.port()},
                        {},
                        [&](const dial_result&) { ++told; }};
      turn(turns / 4);
    }
    const auto before = told;
    turn();
    CHECK(told == before);
  }
  SUBCASE("by its callback") {
    std::unique_ptr<dialing> way;
    way = std::make_unique<dialing>(names, dial_target{.host = "127.0.0.1", .port = there.port()},
                                    dial_limits{}, [&](const dial_result&) {
                                      ++told;
                                      way.reset();
                                    });
    REQUIRE(soon([&] { return told == 1; }));
    turn();
  }
  CHECK(names.in_flight() == 0);
}

TEST_CASE("dialing: families are tried in turns") {
  const auto v4 = [](std::uint8_t last) { return ip_address::v4({192, 0, 2, last}); };
  const auto v6 = [](const char* last) {
    return *ip_address::parse(std::string{"2001:db8::"} + last);
  };
  using list = std::vector<ip_address>;
  CHECK(in_turns({}).empty());
  CHECK(in_turns({v4(1), v4(2)}) == list{v4(1), v4(2)});
  CHECK(in_turns({v6("1"), v6("2"), v6("3"), v4(1)}) == list{v6("1"), v4(1), v6("2"), v6("3")});
  CHECK(in_turns({v4(1), v6("1"), v6("2"), v6("3")}) == list{v4(1), v6("1"), v6("2"), v6("3")});
  CHECK(in_turns({v6("1"), v6("2"), v4(1), v4(2)}) == list{v6("1"), v4(1), v6("2"), v4(2)});
}

TEST_CASE("dialing: a program that does one thing at a time waits for the result") {
  const listener there;
  const auto deadline = [] { return blocking_socket::clock::now() + 5s; };
  auto up = dial_blocking({.host = "localhost", .port = there.port()}, deadline());
  REQUIRE(up);
  const auto peer = there.accept();
  REQUIRE(peer);
  CHECK(up->send(bytes{1}, deadline()));
  const auto nobody = fixture::nobody_at();
  CHECK(dial_blocking({.host = "127.0.0.1", .port = nobody.port}, deadline()).error() ==
        to_string(nobody) + ": Connection refused");
  const silent_listener silent;
  CHECK(dial_blocking({.host = "127.0.0.1", .port = silent.where.port},
                      blocking_socket::clock::now() + 50ms)
            .error()
            .find(": no answer within 50 ms") != std::string::npos);
  const std::atomic<bool> cancelled = true;
  CHECK_FALSE(dial_blocking({.addresses = {silent.where}}, deadline(), &cancelled));
}

}  // namespace
}  // namespace mtp::net
