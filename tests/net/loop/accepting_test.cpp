// What all loops that accept share.
#include "net/loop/accepting.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>

#include <cerrno>

#include "net/loop/bound_port.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;
using outcome = accept_result::kind;

TEST_CASE("accepting: one try") {
  const auto port = bound_port::bind({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0}, 1, false);
  REQUIRE(port);
  CHECK(accept_from(port->socket(0)).outcome == outcome::none);
  const unique_fd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto to = to_socket_address(port->where());
  REQUIRE(::connect(client.get(), to.get(), to.size) == 0);
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  auto none_left = before;
  none_left.rlim_cur = 0;
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none_left) == 0);
  const auto exhausted = accept_from(port->socket(0));
  REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK(exhausted.outcome == outcome::exhausted);
  CHECK(exhausted.error == EMFILE);
  CHECK_FALSE(exhausted.fd);
  // It has waited.
  const auto accepted = accept_from(port->socket(0));
  REQUIRE(accepted.outcome == outcome::accepted);
  CHECK(to_endpoint(accepted.address) == local_endpoint(client.get()));
  CHECK(accept_from(port->socket(0)).outcome == outcome::none);
  CHECK(accept_from(-1).outcome == outcome::exhausted);
}

TEST_CASE("accepting: a rest of a second, which is told once in 10 s") {
  accept_rest rest;
  const accept_rest::clock::time_point start{1h};
  CHECK(rest.until() < start);
  CHECK(rest.begin(start) == 0);
  CHECK(rest.until() == start + 1s);
  CHECK_FALSE(rest.begin(start + 1s));
  CHECK_FALSE(rest.begin(start + 2s));
  CHECK(rest.until() == start + 3s);
  CHECK(rest.begin(start + 10s) == 2);
}

}  // namespace
}  // namespace mtp::net
