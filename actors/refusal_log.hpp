// What is worth a line in the log, but comes again with every attempt of a peer that tries on for
// days: the first time at once, then a count now and then.
#pragma once

#include <caf/actor_clock.hpp>
#include <map>
#include <optional>
#include <string>

namespace mtp::actors {

/// However peers behave, it gives less than 65 lines a minute.
class refusal_log {
 public:
  using time_point = caf::actor_clock::time_point;

  /// The line to log for `text` now, if any: `text` itself when it is new, and a minute after its
  /// last line with how often it came since. Of more than 64 texts at a time the others share a
  /// line.
  [[nodiscard]] std::optional<std::string> tell(const std::string& text, time_point now);

 private:
  struct record {
    time_point told;
    /// Since then.
    std::size_t unsaid = 0;
  };

  std::map<std::string, record> records_;
};

}  // namespace mtp::actors
