#include "net/loop/blocking_socket.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

#include "net/loop/socket_options.hpp"

namespace mtp::net {

namespace {

tl::unexpected<std::string> failure(int error) {
  return tl::unexpected{std::generic_category().message(error)};
}

struct addrinfo_deleter {
  void operator()(addrinfo* list) const noexcept { freeaddrinfo(list); }
};

}  // namespace

tl::expected<void, std::string> blocking_socket::wait(short events, clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now());
    pollfd one{.fd = fd_.get(), .events = events, .revents = 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return {};
    if (ready == 0) return failure(ETIMEDOUT);
    if (errno != EINTR) return failure(errno);
  }
}

tl::expected<blocking_socket, std::string> blocking_socket::connect(const std::string& host,
                                                                    std::uint16_t port,
                                                                    clock::time_point deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int status = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (status != 0) return tl::unexpected<std::string>{gai_strerror(status)};
  const std::unique_ptr<addrinfo, addrinfo_deleter> list{found};
  auto last = failure(EHOSTUNREACH);
  for (const auto* one = list.get(); one != nullptr; one = one->ai_next) {
    blocking_socket out{
        unique_fd{::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)}};
    if (!out.fd_) return failure(errno);
    if (::connect(out.fd(), one->ai_addr, one->ai_addrlen) != 0) {
      if (errno != EINPROGRESS) {
        last = failure(errno);
        continue;
      }
      if (const auto up = out.wait(POLLOUT, deadline); !up) return tl::unexpected{up.error()};
      if (const int error = take_error(out.fd()); error != 0) {
        last = failure(error);
        continue;
      }
    }
    set_no_delay(out.fd());
    return out;
  }
  return last;
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
