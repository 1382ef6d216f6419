// How far our clock is off, as clocks tell that are to be trusted: clients' clocks are judged by
// the right time.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "net/loop/unix_time.hpp"

namespace mtp::actors {

/// Any thread may use it.
class own_clock {
 public:
  /// As much is put down to the way between two clocks.
  static constexpr std::chrono::seconds tolerated{30};
  /// Others are not asked.
  static constexpr std::size_t max_others = 16;

  /// Our clock was found to be so far ahead of that of `other`. Only while all others agree, give
  /// or take `tolerated`, that it is off, their time counts; the log is told of a change.
  void compare(std::chrono::seconds ahead, const std::string& other);
  /// Seconds since the epoch, corrected. When our clock is set right, it counts at once.
  [[nodiscard]] std::int64_t unix_time() const noexcept;

 private:
  static std::int64_t since_start() noexcept;
  /// How far the others' time is ahead of the steady clock, if they agree.
  [[nodiscard]] std::int64_t agreed() const;

  std::mutex mutex_;
  std::map<std::string, std::int64_t> others_;
  /// 0: our own time counts.
  std::atomic<std::int64_t> ahead_of_steady_ = 0;
};

}  // namespace mtp::actors
