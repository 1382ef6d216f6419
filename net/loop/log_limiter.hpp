// Limits lines in the log about something that may happen as often as it likes, and counts those
// that are left out. Pure: the caller says what time it is.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace mtp::net {

/// Of one kind of line. An interval begins with the first line after the one before has passed.
class log_limiter {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  /// At most `burst` lines per `interval`.
  explicit log_limiter(duration interval, std::size_t burst = 1)
      : interval_{interval}, burst_{burst} {}

  /// Whether a line may be logged now: then the number that was left out since the last one.
  [[nodiscard]] std::optional<std::size_t> admit(time_point now);
  /// For a last line about what was left out, without a new one: how many there were. If there
  /// were any, it counts as a line.
  [[nodiscard]] std::size_t take_left_out(time_point now);
  /// The next line is a new one: it is admitted, and nothing was left out before it.
  void reset();

  /// When the present interval began; nothing if there was no line yet.
  [[nodiscard]] std::optional<time_point> begin() const { return begin_; }

 private:
  duration interval_;
  std::size_t burst_;
  std::optional<time_point> begin_;
  /// Lines in this interval.
  std::size_t lines_ = 0;
  std::size_t left_out_ = 0;
};

/// What a line says at its end: " (3 more since the last line)"; nothing if none was left out.
/// `with_others`: their texts may differ, and it says that, too.
[[nodiscard]] std::string describe_left_out(std::size_t lines, bool with_others = false);

}  // namespace mtp::net
