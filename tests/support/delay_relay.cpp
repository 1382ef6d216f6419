#include "tests/support/delay_relay.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <deque>
#include <list>
#include <stdexcept>

#include "codecs/base/bytes.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::test {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// What may be on its way in one direction: many times what a window of the link takes.
constexpr std::size_t most_on_the_way = std::size_t{64} << 20U;

/// Bytes of one direction. An empty piece is the end.
struct direction {
  struct piece {
    clock::time_point due;
    bytes content;
  };
  std::deque<piece> on_the_way;
  std::size_t size = 0;
  bool ended = false;

  /// False if the connection is broken.
  bool take(int from, std::chrono::milliseconds delay) {
    std::array<std::uint8_t, 65536> buffer;
    const auto got = ::recv(from, buffer.data(), buffer.size(), 0);
    if (got < 0) return errno == EAGAIN;
    ended = got == 0;
    size += static_cast<std::size_t>(got);
    on_the_way.push_back(
        {.due = clock::now() + delay,
         .content = to_bytes(byte_view{buffer}.first(static_cast<std::size_t>(got)))});
    return true;
  }
  bool give(int to) {
    while (!on_the_way.empty() && on_the_way.front().due <= clock::now()) {
      auto& next = on_the_way.front().content;
      if (next.empty()) {
        ::shutdown(to, SHUT_WR);
      } else {
        const auto sent = ::send(to, next.data(), next.size(), MSG_NOSIGNAL);
        if (sent < 0) return errno == EAGAIN;
        size -= static_cast<std::size_t>(sent);
        next.erase(next.begin(), next.begin() + sent);
        if (!next.empty()) return true;
      }
      on_the_way.pop_front();
    }
    return true;
  }
};

struct relayed {
  std::array<net::unique_fd, 2> ends;
  std::array<direction, 2> ways;
};

net::unique_fd new_socket() {
  net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const int on = 1;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

}  // namespace

delay_relay::delay_relay(const endpoint& to, std::chrono::milliseconds delay)
    : to_{to}, delay_{delay}, listening_{new_socket()} {
  const auto any = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0});
  if (::bind(listening_.get(), any.get(), any.size) != 0 || ::listen(listening_.get(), 16) != 0)
    throw std::runtime_error{"no relay"};
  port_ = net::local_endpoint(listening_.get()).port;
  thread_ = std::thread{[this] { run(); }};
}

delay_relay::~delay_relay() {
  stop_ = true;
  thread_.join();
}

void delay_relay::run() {
  std::list<relayed> all;
  while (!stop_) {
    std::vector<pollfd> fds{{.fd = listening_.get(), .events = POLLIN, .revents = 0}};
    for (const auto& conn : all)
      for (std::size_t side = 0; side < 2; ++side) {
        const auto& incoming = conn.ways[side];
        const bool reads = !incoming.ended && incoming.size < most_on_the_way;
        fds.push_back({.fd = conn.ends[side].get(),
                       .events = static_cast<short>(reads ? POLLIN : 0),
                       .revents = 0});
      }
    // Often enough for the delay to be exact.
    static_cast<void>(::poll(fds.data(), fds.size(), 1));
    std::size_t at = 1;
    for (auto conn = all.begin(); conn != all.end();) {
      bool good = true;
      for (std::size_t side = 0; side < 2; ++side, ++at) {
        if ((fds[at].revents & POLLIN) != 0)
          good = conn->ways[side].take(conn->ends[side].get(), delay_) && good;
        else if ((fds[at].revents & (POLLERR | POLLHUP)) != 0)
          good = false;
        good = good && conn->ways[side].give(conn->ends[1 - side].get());
      }
      conn = good ? std::next(conn) : all.erase(conn);
    }
    if (fds[0].revents == 0) continue;
    relayed fresh;
    fresh.ends[0] =
        net::unique_fd{::accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (!fresh.ends[0]) continue;
    fresh.ends[1] = new_socket();
    const auto address = net::to_socket_address(to_);
    static_cast<void>(::connect(fresh.ends[1].get(), address.get(), address.size));
    all.push_back(std::move(fresh));
  }
}

}  // namespace mtp::test
