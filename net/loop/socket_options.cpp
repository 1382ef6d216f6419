#include "net/loop/socket_options.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>

#include "net/loop/socket_address.hpp"

namespace mtp::net {

namespace {

/// Options only tune a socket: one that a kernel refuses is no reason to refuse the connection.
template <class T>
void set_option(int fd, int level, int name, const T& value) noexcept {
  static_cast<void>(setsockopt(fd, level, name, &value, sizeof value));
}

constexpr int probe_after_s = 40;
constexpr int probe_every_s = 40;
constexpr int probes = 5;

}  // namespace

void set_no_delay(int fd) noexcept {
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

void set_keep_alive(int fd) noexcept {
  set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, probe_after_s);
  set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, probe_every_s);
  set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, probes);
  // Without it the kernel tries for a quarter of an hour to send what is left (tcp_retries2).
  constexpr std::chrono::seconds patience{probe_after_s + probe_every_s * probes};
  set_user_timeout(fd, patience);
}

void set_user_timeout(int fd, std::chrono::milliseconds limit) noexcept {
  set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<unsigned>(limit.count()));
}

void set_low_water(int fd, std::size_t bytes) noexcept {
  set_option(fd, SOL_SOCKET, SO_RCVLOWAT, static_cast<int>(bytes));
}

void set_reset_on_close(int fd, bool on) noexcept {
  set_option(fd, SOL_SOCKET, SO_LINGER, linger{.l_onoff = on ? 1 : 0, .l_linger = 0});
}

int take_error(int fd) noexcept {
  int error = 0;
  socklen_t size = sizeof error;
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

std::size_t raise_open_files_limit() noexcept {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) static_cast<void>(getrlimit(RLIMIT_NOFILE, &limit));
  return static_cast<std::size_t>(limit.rlim_cur);
}

bool has_unread(int fd) noexcept {
  std::uint8_t byte = 0;
  return ::recv(fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

std::size_t untaken_bytes(int fd) noexcept {
  int size = 0;
  return ::ioctl(fd, SIOCOUTQ, &size) == 0 ? static_cast<std::size_t>(size) : 0;
}

int bind_source(int fd, const ip_address& ip) noexcept {
  // The port is chosen with the connection: as many as there are for each peer, not in all.
  const int on = 1;
  static_cast<void>(::setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on));
  const auto address = to_socket_address({.ip = ip, .port = 0});
  return ::bind(fd, address.get(), address.size) == 0 ? 0 : errno;
}

}  // namespace mtp::net
