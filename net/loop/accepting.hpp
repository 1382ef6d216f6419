// What all loops that accept connections share: one try, and a rest when descriptors have run out.
// On a reactor: net/loop/accept_loop. The metrics endpoint and the console have threads and loops
// of their own: they must answer when reactors hang.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <optional>

#include "net/loop/log_limiter.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::net {

struct accept_result {
  enum class kind : std::uint8_t {
    accepted,
    /// No connection waits.
    none,
    /// The one that waited has left, or may not come in. The next one may be there.
    again,
    /// Descriptors or memory have run out, as `error` (errno) says. The connection waits, and the
    /// socket stays readable.
    exhausted,
  };

  kind outcome = kind::none;
  /// Non-blocking.
  unique_fd fd;
  sockaddr_storage address{};
  socklen_t address_size = 0;
  int error = 0;
};

/// Accepts a connection of `listening` (non-blocking), without waiting.
[[nodiscard]] accept_result accept_from(int listening) noexcept;

/// After `accept_result::kind::exhausted` a loop rests: connections that wait would wake it up for
/// nothing. Pure.
class accept_rest {
 public:
  using clock = std::chrono::steady_clock;

  static constexpr std::chrono::seconds time{1};

  /// If that is worth a line in the log, once in 10 s: how many rests had none since the last one.
  [[nodiscard]] std::optional<std::size_t> begin(clock::time_point now);
  /// When accepting may go on.
  [[nodiscard]] clock::time_point until() const noexcept { return until_; }

 private:
  clock::time_point until_;
  log_limiter log_{std::chrono::seconds{10}};
};

}  // namespace mtp::net
