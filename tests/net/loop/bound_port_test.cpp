#include "net/loop/bound_port.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <algorithm>
#include <barrier>
#include <optional>
#include <thread>

#include "net/loop/socket_address.hpp"

namespace mtp::net {
namespace {

const endpoint any_v4{.ip = ip_address::v4({127, 0, 0, 1}), .port = 0};

unique_fd connect_to(const endpoint& at) {
  const auto address = to_socket_address(at);
  unique_fd fd{::socket(address.get()->sa_family, SOCK_STREAM, 0)};
  if (::connect(fd.get(), address.get(), address.size) != 0) return {};
  return fd;
}

TEST_CASE("a port has one socket a reactor, and clients reach one of them") {
  const auto port = bound_port::bind(any_v4, 4, false);
  REQUIRE(port);
  CHECK(port->size() == 4);
  CHECK(port->where().port != 0);
  std::vector<unique_fd> clients;
  for (int i = 0; i < 64; ++i) {
    clients.push_back(connect_to(port->where()));
    REQUIRE(clients.back());
  }
  int accepted = 0;
  for (unsigned i = 0; i < 4; ++i) {
    CHECK(local_endpoint(port->socket(i)) == port->where());
    const int before = accepted;
    while (const unique_fd conn{::accept(port->socket(i), nullptr, nullptr)})
      ++accepted;
    CHECK(accepted > before);
  }
  CHECK(accepted == 64);
}

TEST_CASE("a port that somebody serves is refused, even if they would share it") {
  const auto first = bound_port::bind(any_v4, 2, false);
  REQUIRE(first);
  const auto second = bound_port::bind(first->where(), 2, false);
  REQUIRE_FALSE(second);
  CHECK(second.error() ==
        to_string(first->where()) +
            " is already served by another process; stop it or choose another port");
}

TEST_CASE("of several that want a port at the same time one gets it") {
  constexpr int rivals = 4;
  constexpr int rounds = 200;
  for (int round = 0; round < rounds; ++round) {
    const auto where = bound_port::bind(any_v4, 1, false)->where();
    std::vector<std::optional<bound_port>> got(rivals);
    std::barrier start{rivals};
    {
      std::vector<std::jthread> threads;
      for (auto& mine : got)
        threads.emplace_back([&] {
          start.arrive_and_wait();
          if (auto bound = bound_port::bind(where, 2, false)) mine = std::move(*bound);
        });
    }
    REQUIRE(std::ranges::count_if(got, [](const auto& port) { return port.has_value(); }) == 1);
  }
}

TEST_CASE("a port can be bound again once it was given back") {
  endpoint where;
  {
    const auto first = bound_port::bind(any_v4, 2, false);
    REQUIRE(first);
    where = first->where();
    const auto client = connect_to(where);
    const unique_fd accepted{::accept(first->socket(0), nullptr, nullptr)};
  }
  CHECK(bound_port::bind(where, 2, false));
}

TEST_CASE(":: takes IPv4 clients too, or leaves them to a port of their own") {
  const auto both = bound_port::bind({.ip = *ip_address::parse("::"), .port = 0}, 1, true);
  REQUIRE(both);
  CHECK(connect_to({.ip = any_v4.ip, .port = both->where().port}));
  const auto only = bound_port::bind({.ip = *ip_address::parse("::"), .port = 0}, 1, false);
  REQUIRE(only);
  CHECK_FALSE(connect_to({.ip = any_v4.ip, .port = only->where().port}));
  CHECK(bound_port::bind({.ip = any_v4.ip, .port = only->where().port}, 1, false));
}

TEST_CASE("a port may take the place of one of the same process, at an address that overlaps") {
  const endpoint everywhere{.ip = *ip_address::parse("0.0.0.0"), .port = 0};
  std::optional<bound_port> before;
  tl::expected<bound_port, std::string> after = tl::make_unexpected(std::string{"not bound"});
  std::uint16_t number = 0;
  // A connection of another test may have the same number at another address of this machine.
  for (int tries = 0; tries < 50 && !after; ++tries) {
    before = bound_port::bind(any_v4, 2, false).value();
    number = before->where().port;
    const endpoint wider{.ip = everywhere.ip, .port = number};
    CHECK_FALSE(bound_port::bind(wider, 2, false));
    after = bound_port::bind(wider, 2, false, true);
  }
  REQUIRE(after);
  // Clients are those of the old one until the new one is told to listen.
  const auto early = connect_to({.ip = any_v4.ip, .port = number});
  CHECK(early);
  CHECK_FALSE(connect_to({.ip = ip_address::v4({127, 0, 0, 2}), .port = number}));
  REQUIRE(after->listen());
  CHECK(connect_to({.ip = ip_address::v4({127, 0, 0, 2}), .port = number}));
  before.reset();
  CHECK(connect_to({.ip = any_v4.ip, .port = number}));
}

TEST_CASE("an address is not shared with a socket that does not share it") {
  const unique_fd other{::socket(AF_INET, SOCK_STREAM, 0)};
  const auto address = to_socket_address(any_v4);
  REQUIRE(::bind(other.get(), address.get(), address.size) == 0);
  REQUIRE(::listen(other.get(), 1) == 0);
  CHECK_FALSE(bound_port::bind(local_endpoint(other.get()), 2, false, true));
}

TEST_CASE("an address that is not ours is named in the error") {
  const auto port =
      bound_port::bind({.ip = ip_address::v4({192, 0, 2, 1}), .port = 4433}, 1, false);
  REQUIRE_FALSE(port);
  CHECK(port.error() == "192.0.2.1:4433: this machine has no such address");
}

}  // namespace
}  // namespace mtp::net
