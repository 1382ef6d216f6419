// How far our clock is off, as clocks tell that are to be trusted: clients' clocks are judged by
// the right time.
#pragma once

#include <atomic>
#include <chrono>
#include <string_view>

#include "net/loop/unix_time.hpp"

namespace mtp::actors {

/// Any thread may use it.
class own_clock {
 public:
  /// As much is put down to the way between two clocks.
  static constexpr std::chrono::seconds tolerated{30};

  /// Our clock was found to be so far ahead of that of `other` (for the log, which is told when
  /// clients are judged by another time than before).
  void compare(std::chrono::seconds ahead, std::string_view other);
  /// 0 while it is right.
  [[nodiscard]] std::chrono::seconds ahead() const noexcept { return std::chrono::seconds{ahead_}; }
  /// Seconds since the epoch, corrected.
  [[nodiscard]] std::int64_t unix_time() const noexcept { return net::unix_time() - ahead_; }

 private:
  std::atomic<std::int64_t> ahead_ = 0;
};

}  // namespace mtp::actors
