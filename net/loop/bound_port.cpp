#include "net/loop/bound_port.hpp"

#include <fcntl.h>
#include <netinet/in.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"

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

/// Another process that tries to get the same port at the same moment may make both of us fail.
constexpr int attempts = 5;

/// Not the same for both.
void pause_before_next_attempt() {
  std::this_thread::sleep_for(std::chrono::milliseconds{random_between(1, 20)});
}

}  // namespace

/// Its sockets, or errno.
tl::expected<bound_port, int> bound_port::try_to_bind(const endpoint& at, unsigned sockets,
                                                      bool also_v4, bool beside_own) {
  bound_port port;
  port.where_ = at;
  port.also_v4_ = also_v4;
  for (unsigned i = 0; i < sockets; ++i) {
    auto fd = open_socket(at, also_v4);
    // The first socket listens before it can be shared: the kernel lets only one process do that,
    // even among those that share ports. From then on the port is ours, and shared among our own
    // sockets.
    const bool shares = beside_own || i > 0;
    if (!fd || (shares && !enable(fd.get(), SOL_SOCKET, SO_REUSEPORT)) ||
        !bind_to(fd.get(), port.where_) || (!beside_own && ::listen(fd.get(), backlog) != 0) ||
        (!shares && !enable(fd.get(), SOL_SOCKET, SO_REUSEPORT)))
      return tl::unexpected{errno};
    if (i == 0) port.where_.port = local_endpoint(fd.get()).port;
    port.sockets_.push_back(std::move(fd));
  }
  return port;
}

tl::expected<bound_port, std::string> bound_port::bind(const std::string& path,
                                                       const socket_access& access,
                                                       unsigned sockets) {
  auto listener = unix_listener::open(path, access, backlog);
  if (!listener) return tl::unexpected{std::move(listener.error())};
  bound_port port;
  port.unix_ = std::move(*listener);
  // A reactor watches a descriptor of its own.
  for (unsigned i = 0; i < sockets; ++i) {
    unique_fd fd{::fcntl(port.unix_->fd(), F_DUPFD_CLOEXEC, 0)};
    if (!fd) return tl::unexpected{path + ": " + std::generic_category().message(errno)};
    port.sockets_.push_back(std::move(fd));
  }
  return port;
}

tl::expected<void, int> bound_port::listen() const {
  for (const auto& fd : sockets_)
    if (::listen(fd.get(), backlog) != 0) return tl::unexpected{errno};
  return {};
}

tl::expected<bound_port, std::string> bound_port::bind(const endpoint& at, unsigned sockets,
                                                       bool also_v4, bool beside_own) {
  for (int attempt = 1;; ++attempt) {
    auto bound = try_to_bind(at, sockets, also_v4, false);
    // What is in the way may be our own.
    if (!bound && bound.error() == EADDRINUSE && beside_own)
      bound = try_to_bind(at, sockets, also_v4, true);
    if (bound) return std::move(*bound);
    if (bound.error() != EADDRINUSE || attempt == attempts)
      return tl::unexpected{explain(at, bound.error())};
    pause_before_next_attempt();
  }
}

}  // namespace mtp::net
