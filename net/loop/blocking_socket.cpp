#include "net/loop/blocking_socket.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"

namespace mtp::net {

namespace {

tl::unexpected<std::string> failure(int error) {
  return tl::unexpected{std::generic_category().message(error)};
}

}  // namespace

tl::expected<void, std::string> blocking_socket::wait(short events, clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    pollfd watched{.fd = fd_.get(), .events = events, .revents = 0};
    const int ready =
        ::poll(&watched, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return {};
    if (ready == 0) return failure(ETIMEDOUT);
    if (errno != EINTR) return failure(errno);
  }
}

tl::expected<blocking_socket, std::string> blocking_socket::connect(const std::string& ip,
                                                                    std::uint16_t port,
                                                                    clock::time_point deadline) {
  const auto parsed = ip_address::parse(ip);
  if (!parsed) return failure(EINVAL);
  const auto to = to_socket_address({.ip = *parsed, .port = port});
  blocking_socket connected{
      unique_fd{::socket(to.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)}};
  if (!connected.fd_) return failure(errno);
  if (::connect(connected.fd(), to.get(), to.size) != 0) {
    if (errno != EINPROGRESS) return failure(errno);
    if (const auto up = connected.wait(POLLOUT, deadline); !up) return tl::unexpected{up.error()};
    if (const int error = take_error(connected.fd()); error != 0) return failure(error);
  }
  set_no_delay(connected.fd());
  return connected;
}

tl::expected<void, std::string> blocking_socket::send(byte_view data, clock::time_point deadline) {
  while (!data.empty()) {
    const auto size = ::send(fd(), data.data(), data.size(), MSG_NOSIGNAL);
    if (size > 0) {
      data = data.subspan(static_cast<std::size_t>(size));
    } else if (errno != EAGAIN && errno != EINTR) {
      return failure(errno);
    } else if (auto ready = wait(POLLOUT, deadline); !ready) {
      return ready;
    }
  }
  return {};
}

tl::expected<std::size_t, std::string> blocking_socket::receive(byte_span into,
                                                                clock::time_point deadline) {
  while (true) {
    const auto size = ::recv(fd(), into.data(), into.size(), 0);
    if (size >= 0) return static_cast<std::size_t>(size);
    if (errno != EAGAIN && errno != EINTR) return failure(errno);
    if (const auto ready = wait(POLLIN, deadline); !ready) return tl::unexpected{ready.error()};
  }
}

}  // namespace mtp::net
