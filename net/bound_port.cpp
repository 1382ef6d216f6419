#include "net/bound_port.hpp"

#include <netinet/in.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <system_error>

#include "net/socket_address.hpp"

namespace mtp::net {

namespace {

/// Clients that wait to be accepted, per socket; the kernel caps it at net.core.somaxconn.
constexpr int backlog = 4096;

bool enable(int fd, int level, int name, int value = 1) noexcept {
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

std::string explain(const endpoint& at, int error) {
  const auto where = to_string(at);
  switch (error) {
    case EADDRINUSE:
      return where + " is already served by another process; stop it or choose another port";
    case EACCES:
      return where + ": no permission; ports below 1024 need root or CAP_NET_BIND_SERVICE";
    case EADDRNOTAVAIL:
      return where + ": this machine has no such address";
    default:
      return where + ": " + std::generic_category().message(error);
  }
}

unique_fd open_socket(const endpoint& at, bool also_v4) {
  const int family = at.ip.is_v4() ? AF_INET : AF_INET6;
  unique_fd fd{::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (fd && enable(fd.get(), SOL_SOCKET, SO_REUSEADDR) &&
      (family == AF_INET || enable(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, also_v4 ? 0 : 1)))
    return fd;
  return {};
}

bool bind_to(int fd, const endpoint& at) noexcept {
  const auto address = to_socket_address(at);
  return ::bind(fd, address.get(), address.size) == 0;
}

/// Holds a name in the kernel that only one process can have, so that of two proxies that start at
/// the same time only one gets the port. An abstract socket leaves no file behind.
unique_fd lock_port(const endpoint& at) {
  unique_fd fd{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!fd) return {};
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const auto text = "mtproto-proxy " + to_string(at);
  // From the second byte on: that is what makes it abstract.
  text.copy(name.sun_path + 1, sizeof name.sun_path - 1);
  const auto size = offsetof(sockaddr_un, sun_path) + 1 + text.size();
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&name), static_cast<socklen_t>(size)) != 0)
    return {};
  return fd;
}

}  // namespace

tl::expected<bound_port, std::string> bound_port::bind(const endpoint& at, unsigned sockets,
                                                       bool also_v4) {
  const auto failed = [&] { return tl::unexpected{explain(at, errno)}; };
  bound_port out;
  out.where_ = at;
  if (at.port != 0) {
    out.lock_ = lock_port(at);
    if (!out.lock_) return failed();
  }
  for (unsigned i = 0; i < sockets; ++i) {
    auto fd = open_socket(at, also_v4);
    if (!fd) return failed();
    // The first socket is bound alone: it fails if anybody listens there, SO_REUSEPORT or not. From
    // then on the port is ours, and it may be shared among our own sockets.
    if (i == 0 && !bind_to(fd.get(), at)) return failed();
    if (!enable(fd.get(), SOL_SOCKET, SO_REUSEPORT)) return failed();
    if (i == 0)
      out.where_.port = local_endpoint(fd.get()).port;
    else if (!bind_to(fd.get(), out.where_))
      return failed();
    out.sockets_.push_back(std::move(fd));
  }
  for (const auto& fd : out.sockets_)
    if (::listen(fd.get(), backlog) != 0) return failed();
  return out;
}

}  // namespace mtp::net
