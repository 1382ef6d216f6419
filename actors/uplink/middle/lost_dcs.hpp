// DCs that a list of Telegram's lacks all of a sudden: mostly they are back in the next one.
#pragma once

#include <chrono>
#include <map>
#include <vector>

#include "codecs/telegram/dc_list.hpp"

namespace mtp::actors {

/// Of one list, that of IPv4 or of IPv6. No clock of its own.
class lost_dcs {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// So long a DC is kept that no list has named: three refreshes, unless they are set otherwise.
  static constexpr std::chrono::hours kept_for{3};

  /// Puts into `fetched` what `known` has and it lacks, unless that has been missing for
  /// `kept_for`. Returns the DCs that have been missing only since now.
  std::vector<dc_id> restore(dc_list& fetched, const dc_list& known, time_point now);

 private:
  std::map<dc_id, time_point> missing_since_;
};

}  // namespace mtp::actors
