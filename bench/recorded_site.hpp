// A site that answers as a real one did once, and visitors that are no clients.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

#include "codecs/base/bytes.hpp"
#include "net/loop/bound_port.hpp"

namespace mtp::bench {

struct recorded_visit {
  bytes request;
  bytes answer;
};

/// A browser's ClientHello (no client's: nobody here has its secret), and a first flight of 4 KiB.
[[nodiscard]] const recorded_visit& recorded_hello();

/// On loopback, one thread. Each connection gets the answer when it has sent as many bytes as the
/// request has, and is closed when it has finished.
class recorded_site {
 public:
  recorded_site();

  [[nodiscard]] const endpoint& where() const noexcept { return listening_.where(); }

 private:
  void run(const std::stop_token& stop);
  void accept_all();
  void serve(int visitor);

  struct visit {
    net::unique_fd fd;
    std::size_t got = 0;
  };

  net::unique_fd epoll_;
  net::bound_port listening_;
  std::unordered_map<int, visit> visits_;
  std::jthread thread_;
};

/// Visits at a steady rate, whether answers come or not, from one thread: connects, sends the
/// request, reads the answer, closes. At the end of its life it stops.
class visitors {
 public:
  /// To what listens on loopback.
  visitors(std::uint16_t port, double per_second);

  /// Visits so far that have got their answer. Throws std::runtime_error if one has got something
  /// else, or nothing for long.
  [[nodiscard]] std::uint64_t done();

 private:
  void run(const std::stop_token& stop, std::uint16_t port, double per_second);
  void start(std::uint16_t port);
  void serve(int fd);

  struct visit {
    net::unique_fd fd;
    bool asked = false;
    std::size_t got = 0;
  };

  net::unique_fd epoll_;
  std::unordered_map<int, visit> visits_;
  std::uint64_t started_ = 0;
  std::atomic<std::uint64_t> done_ = 0;
  std::mutex mutex_;
  std::string problem_;
  std::jthread thread_;
};

}  // namespace mtp::bench
