#include "net/loop/socket_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/loop/unique_fd.hpp"

namespace mtp::net {

socket_address to_socket_address(const endpoint& at) noexcept {
  socket_address converted;
  if (at.ip.is_v4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(at.port);
    const auto octets = at.ip.v4_octets();
    std::memcpy(&v4.sin_addr, octets.data(), octets.size());
    std::memcpy(&converted.storage, &v4, sizeof v4);
    converted.size = sizeof v4;
  } else {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(at.port);
    std::memcpy(&v6.sin6_addr, at.ip.mapped().data(), at.ip.mapped().size());
    std::memcpy(&converted.storage, &v6, sizeof v6);
    converted.size = sizeof v6;
  }
  return converted;
}

endpoint to_endpoint(const sockaddr_storage& storage) noexcept {
  if (storage.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &storage, sizeof v4);
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), &v4.sin_addr, octets.size());
    return {.ip = ip_address::v4(octets), .port = ntohs(v4.sin_port)};
  }
  if (storage.ss_family == AF_INET6) {
    sockaddr_in6 v6;
    std::memcpy(&v6, &storage, sizeof v6);
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
    return {.ip = ip_address::v6(octets), .port = ntohs(v6.sin6_port)};
  }
  return {};
}

endpoint local_endpoint(int fd) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return to_endpoint(storage);
}

endpoint peer_endpoint(int fd) noexcept {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return {};
  return to_endpoint(storage);
}

std::optional<ip_address> source_address(const endpoint& to) noexcept {
  const int family = to.ip.is_v4() ? AF_INET : AF_INET6;
  const unique_fd fd{::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  const auto address = to_socket_address(to);
  if (!fd || ::connect(fd.get(), address.get(), address.size) != 0) return std::nullopt;
  return local_endpoint(fd.get()).ip;
}

}  // namespace mtp::net
