// Between endpoints and the kernel's socket addresses.
#pragma once

#include <sys/socket.h>

#include "codecs/base/address.hpp"

namespace mtp::net {

struct socket_address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  [[nodiscard]] const sockaddr* get() const noexcept {
    return reinterpret_cast<const sockaddr*>(&storage);
  }
};

[[nodiscard]] socket_address to_socket_address(const endpoint& at) noexcept;
/// An endpoint of 0.0.0.0:0 for other families than IPv4 and IPv6.
[[nodiscard]] endpoint to_endpoint(const sockaddr_storage& storage) noexcept;

/// The near and the far end of a connected socket; 0.0.0.0:0 if the kernel does not tell.
[[nodiscard]] endpoint local_endpoint(int fd) noexcept;
[[nodiscard]] endpoint peer_endpoint(int fd) noexcept;

/// The address this machine would use to reach `to`; nothing is sent. Nothing if there is no route.
[[nodiscard]] std::optional<ip_address> source_address(const endpoint& to) noexcept;

}  // namespace mtp::net
