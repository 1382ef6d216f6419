// The least that passing bytes on takes: accepts, connects, and moves bytes both ways by splice(2),
// each way through a pipe of its own. One thread, and nothing else: no time-outs, no limits, no
// metrics. For `make bench`, beside what the proxy forwards to a cover site.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <CLI/CLI.hpp>
#include <array>
#include <csignal>
#include <cstdio>
#include <memory>
#include <system_error>
#include <unordered_map>
#include <vector>

#include "bench/loopback_port.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"

namespace {

using namespace mtp;

/// As the proxy's first pipes.
constexpr std::size_t piece = std::size_t{256} * 1024;
constexpr int most_events = 64;

[[noreturn]] void fail(const char* action) {
  throw std::system_error{errno, std::generic_category(), action};
}

/// Bytes of one end on their way to the other.
struct way {
  net::unique_fd out;
  net::unique_fd in;
  std::size_t waiting = 0;
  bool finished = false;
};

struct connection {
  std::array<net::unique_fd, 2> ends;
  /// Of the bytes that each end sends.
  std::array<way, 2> ways;
};

way make_way() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) != 0 ||
      ::fcntl(fds[1], F_SETPIPE_SZ, static_cast<int>(piece)) < 0)
    fail("pipe2");
  return {.out = net::unique_fd{fds[0]}, .in = net::unique_fd{fds[1]}};
}

/// False if one of the ends has failed.
bool carry(int from, int to, way& bytes) {
  while (true) {
    if (bytes.waiting == 0) {
      if (bytes.finished) return true;
      const auto got = ::splice(from, nullptr, bytes.in.get(), nullptr, piece, SPLICE_F_NONBLOCK);
      if (got < 0) return errno == EAGAIN;
      bytes.finished = got == 0;
      if (bytes.finished) ::shutdown(to, SHUT_WR);
      bytes.waiting = static_cast<std::size_t>(got);
      continue;
    }
    const auto sent =
        ::splice(bytes.out.get(), nullptr, to, nullptr, bytes.waiting, SPLICE_F_NONBLOCK);
    if (sent < 0) return errno == EAGAIN || errno == ENOTCONN;
    bytes.waiting -= static_cast<std::size_t>(sent);
  }
}

class splice_relay {
 public:
  splice_relay(net::bound_port listening, const endpoint& to)
      : listening_{std::move(listening)}, to_{to} {
    if (!epoll_) fail("epoll_create1");
    watch(listening_.socket(0), EPOLLIN);
  }

  void run() {
    std::array<epoll_event, most_events> events{};
    while (true) {
      const int count = ::epoll_wait(epoll_.get(), events.data(), most_events, -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events.at(static_cast<std::size_t>(i)).data.fd;
        if (fd == listening_.socket(0))
          accept_all();
        else if (const auto at = connections_.find(fd); at != connections_.end())
          move(at->second);
      }
      ended_.clear();
    }
  }

 private:
  using shared = std::shared_ptr<connection>;

  void watch(int fd, std::uint32_t wanted) const {
    epoll_event event{};
    event.events = wanted;
    event.data.fd = fd;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) fail("epoll_ctl");
  }

  void accept_all() {
    while (true) {
      net::unique_fd visitor{
          ::accept4(listening_.socket(0), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
      if (!visitor) return;
      net::unique_fd site{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
      const auto address = net::to_socket_address(to_);
      if (::connect(site.get(), address.get(), address.size) != 0 && errno != EINPROGRESS)
        fail("connect");
      add(std::move(visitor), std::move(site));
    }
  }

  void add(net::unique_fd visitor, net::unique_fd site) {
    const auto added = std::make_shared<connection>();
    added->ends = {std::move(visitor), std::move(site)};
    added->ways = {make_way(), make_way()};
    for (const auto& end : added->ends) {
      net::set_no_delay(end.get());
      connections_[end.get()] = added;
      // By edges: an end that waits is tried again when something has changed.
      watch(end.get(), EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }

  void move(const shared& moved) {
    const int visitor = moved->ends[0].get();
    const int site = moved->ends[1].get();
    const bool fine = carry(visitor, site, moved->ways[0]) && carry(site, visitor, moved->ways[1]);
    const bool over = moved->ways[0].finished && moved->ways[1].finished;
    if (fine && !over) return;
    ended_.push_back(moved);
    connections_.erase(visitor);
    connections_.erase(site);
  }

  net::unique_fd epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  net::bound_port listening_;
  endpoint to_;
  std::unordered_map<int, shared> connections_;
  /// Closed after the turn: events in hand may name their descriptors.
  std::vector<shared> ended_;
};

}  // namespace

int main(int argc, char** argv) {
  std::uint16_t port = 0;
  std::string to;
  CLI::App app{"A relay that does nothing but splice, to compare the proxy with"};
  app.add_option("--port", port)->required();
  app.add_option("--to", to, "ip:port")->required();
  CLI11_PARSE(app, argc, argv);
  try {
    const auto site = parse_endpoint(to);
    if (!site) throw std::runtime_error{"--to is ip:port"};
    std::signal(SIGPIPE, SIG_IGN);
    net::raise_open_files_limit();
    splice_relay relay{bench::bind_loopback(port), *site};
    std::printf("ready\n");
    static_cast<void>(std::fflush(stdout));
    relay.run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "failed: %s\n", e.what());
    return 1;
  }
}
