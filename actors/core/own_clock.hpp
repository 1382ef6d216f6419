// How far our clock is off, as clocks tell that are to be trusted: clients' clocks are judged by
// the right time.
#pragma once

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
  /// More clocks than these are not compared with.
  static constexpr std::size_t max_others = 16;

  /// Our clock was found to be so far ahead of that of `other`. It is corrected only if all others
  /// agree that it is wrong, give or take `tolerated`; the log is told of a change.
  void compare(std::chrono::seconds ahead, const std::string& other);
  /// Seconds since the epoch, corrected. Once our clock has been set, or the machine has slept, it
  /// counts as it is until the next `compare`.
  [[nodiscard]] std::int64_t unix_time() const;

 private:
  /// Seconds by which the time `unix` is ahead of the steady clock.
  static std::int64_t ahead_of_steady(std::int64_t unix) noexcept;
  /// How far our clock is ahead of what the others agree on; 0 if they do not, or it is right.
  [[nodiscard]] std::int64_t judge() const;

  mutable std::mutex mutex_;
  /// By name: `ahead_of_steady` of its time.
  std::map<std::string, std::int64_t> others_;
  std::int64_t ahead_ = 0;
  /// `ahead_of_steady` of ours, when `ahead_` was found.
  std::int64_t found_at_ = 0;
};

}  // namespace mtp::actors
