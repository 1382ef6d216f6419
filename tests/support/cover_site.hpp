// A cover site that the test plays by hand: it accepts, hears and says what the test wants.
#pragma once

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <string>

#include "net/loop/blocking_socket.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::test {

class cover_site {
 public:
  using clock = net::blocking_socket::clock;

  cover_site() {
    const auto any = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0});
    REQUIRE(::bind(listening_.get(), any.get(), any.size) == 0);
    REQUIRE(::listen(listening_.get(), 128) == 0);
  }

  [[nodiscard]] std::uint16_t port() const { return net::local_endpoint(listening_.get()).port; }
  [[nodiscard]] std::string where() const { return "127.0.0.1:" + std::to_string(port()); }

  /// The next connection; fails the test if none comes.
  [[nodiscard]] net::blocking_socket accept(clock::time_point deadline) const {
    REQUIRE(is_asked(deadline));
    return net::blocking_socket{net::unique_fd{
        ::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)}};
  }
  /// Whether a connection waits by then.
  [[nodiscard]] bool is_asked(clock::time_point deadline) const {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    pollfd at{.fd = listening_.get(), .events = POLLIN, .revents = 0};
    return ::poll(&at, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) > 0;
  }

 private:
  net::unique_fd listening_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

}  // namespace mtp::test
