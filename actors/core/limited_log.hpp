// What is worth a line in the log, but comes as often as a peer likes: a few lines at once, then a
// count now and then.
#pragma once

#include <caf/actor_clock.hpp>
#include <map>
#include <optional>
#include <string>

namespace mtp::actors {

/// Each key has its own lines, as long as there are few: of more than 63 at a time the others share
/// a key. So however peers behave, it gives at most 64 times `burst` lines a minute.
class limited_log {
 public:
  using time_point = caf::actor_clock::time_point;

  /// `burst`: lines a minute of one key.
  explicit limited_log(std::size_t burst) : burst_{burst} {}

  /// The line to log now, if any: `text`, with how many were left out since the last line of its
  /// key.
  [[nodiscard]] std::optional<std::string> tell(const std::string& key, const std::string& text,
                                                time_point now);
  /// The same for what has no key but itself.
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
