// A listening socket on loopback.
#pragma once

#include <stdexcept>

#include "net/loop/bound_port.hpp"

namespace mtp::bench {

/// One non-blocking socket; port 0: a free one. Throws std::runtime_error.
[[nodiscard]] inline net::bound_port bind_loopback(std::uint16_t port = 0) {
  auto bound =
      net::bound_port::bind({.ip = ip_address::v4({127, 0, 0, 1}), .port = port}, 1, false);
  if (!bound) throw std::runtime_error{"no port: " + bound.error()};
  return std::move(*bound);
}

}  // namespace mtp::bench
