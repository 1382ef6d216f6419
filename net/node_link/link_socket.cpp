#include "net/node_link/link_socket.hpp"

#include <sys/socket.h>

#include <array>
#include <cstdint>

namespace mtp::net {

namespace {

/// More than a handshake's flight has.
constexpr std::size_t max_discarded = std::size_t{64} * 1024;

}  // namespace

void shut_gently(int fd) noexcept {
  ::shutdown(fd, SHUT_WR);
  std::array<std::uint8_t, 4096> ignored;
  for (std::size_t size = 0; size < max_discarded;) {
    const auto got = ::recv(fd, ignored.data(), ignored.size(), 0);
    if (got <= 0) return;
    size += static_cast<std::size_t>(got);
  }
}

}  // namespace mtp::net
