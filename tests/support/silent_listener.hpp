// A TCP port that is there and answers nothing.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <vector>

#include "net/loop/socket_address.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::test {

/// A listener whose backlog is full: the kernel ignores new connections.
struct silent_listener {
  explicit silent_listener(const std::array<std::uint8_t, 4>& ip = {127, 0, 0, 1}) {
    const auto any = net::to_socket_address({.ip = ip_address::v4(ip), .port = 0});
    REQUIRE(::bind(full.get(), any.get(), any.size) == 0);
    REQUIRE(::listen(full.get(), 0) == 0);
    where = net::local_endpoint(full.get());
    const auto address = net::to_socket_address(where);
    for (int i = 0; i < 4; ++i) {
      waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      static_cast<void>(::connect(waiting.back().get(), address.get(), address.size));
    }
  }

  net::unique_fd full{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  endpoint where;
  std::vector<net::unique_fd> waiting;
};

}  // namespace mtp::test
