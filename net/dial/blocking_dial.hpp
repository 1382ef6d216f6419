// Dialing for programs that do one thing at a time.
#pragma once

#include <atomic>

#include "net/dial/dialing.hpp"
#include "net/loop/blocking_socket.hpp"

namespace mtp::net {

/// Dials as `dialing` does, on a loop of its own, and waits for the result until the deadline.
/// `cancelled`, if there is one, ends it within 100 ms.
[[nodiscard]] tl::expected<blocking_socket, std::string> dial_blocking(
    const dial_target& target, blocking_socket::clock::time_point deadline,
    const std::atomic<bool>* cancelled = nullptr);

}  // namespace mtp::net
