// Keeps DCs that are suddenly missing from a list of Telegram's: mostly the next list has them
// again.
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "codecs/telegram/dc_list.hpp"

namespace mtp::actors {

/// For one list, of IPv4 or of IPv6. No clock of its own.
class lost_dcs {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// How long a DC that is in no list is kept: three refreshes, at the default interval.
  static constexpr std::chrono::hours kept_for{3};

  /// Adds to `fetched` the DCs of `known` that it lacks, unless they have been missing for
  /// `kept_for`. Returns the DCs that were not missing before.
  std::vector<dc_id> restore(dc_list& fetched, const dc_list& known, time_point now);

 private:
  std::map<dc_id, time_point> missing_since_;
};

}  // namespace mtp::actors
