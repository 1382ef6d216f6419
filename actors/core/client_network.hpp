// The network of a client's address: what somebody has many addresses of at no cost is one network.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "codecs/base/address.hpp"

namespace mtp::actors {

/// An IPv4 address mapped into IPv6, or the first 64 bits of an IPv6 address.
using client_network = std::array<std::uint8_t, 16>;

[[nodiscard]] inline client_network network_of(const ip_address& from) noexcept {
  client_network prefix{};
  const auto& whole = from.mapped();
  const std::size_t counted = from.is_v4() ? prefix.size() : prefix.size() / 2;
  std::copy_n(whole.begin(), counted, prefix.begin());
  return prefix;
}

}  // namespace mtp::actors
