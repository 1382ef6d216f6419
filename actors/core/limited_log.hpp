// A net::log_limiter for each of many keys, for lines that a peer can cause as often as it likes.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "net/loop/log_limiter.hpp"

namespace mtp::actors {

/// Each key has lines of its own, for up to 63 keys at a time; further keys share one. So whatever
/// peers do, there are at most 64 times `burst` lines a minute.
class limited_log {
 public:
  using time_point = net::log_limiter::time_point;

  /// `burst`: lines per minute and key.
  explicit limited_log(std::size_t burst) : burst_{burst} {}

  /// The line to log now, if any: `text`, with how many were left out since the last line of its
  /// key.
  [[nodiscard]] std::optional<std::string> tell(const std::string& key, const std::string& text,
                                                time_point now);
  /// The same for a text that is its own key.
  [[nodiscard]] std::optional<std::string> tell(const std::string& text, time_point now) {
    return tell(text, text, now);
  }

 private:
  std::size_t burst_;
  /// Each has admitted a line.
  std::map<std::string, net::log_limiter> limiters_;
};

}  // namespace mtp::actors
