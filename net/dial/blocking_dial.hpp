// Dialing for programs that do one thing at a time.
#pragma once

#include "net/loop/blocking_socket.hpp"

namespace mtp::net {

/// Dials as `dialing` does, on a loop of its own, and waits for the result until the deadline.
/// `host`: a name, an address, or an IPv6 address in brackets.
[[nodiscard]] tl::expected<blocking_socket, std::string> dial_blocking(
    const std::string& host, std::uint16_t port, blocking_socket::clock::time_point deadline);

}  // namespace mtp::net
