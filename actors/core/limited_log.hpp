// Limits lines in the log that a peer can cause as often as it likes: a few lines at once, then a
// count now and then.
#pragma once

#include <caf/actor_clock.hpp>
#include <map>
#include <optional>
#include <string>

namespace mtp::actors {

/// Each key has lines of its own, for up to 63 keys at a time; further keys share one. So whatever
/// peers do, there are at most 64 times `burst` lines a minute.
class limited_log {
 public:
  using time_point = caf::actor_clock::time_point;

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
  struct record {
    /// Of the minute in which `lines` were given.
    time_point begin;
    std::size_t lines = 0;
    std::size_t left_out = 0;
  };

  std::size_t burst_;
  std::map<std::string, record> records_;
};

}  // namespace mtp::actors
