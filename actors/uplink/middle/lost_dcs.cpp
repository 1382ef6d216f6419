#include "actors/uplink/middle/lost_dcs.hpp"

namespace mtp::actors {

std::vector<dc_id> lost_dcs::restore(dc_list& fetched, const dc_list& known, time_point now) {
  std::erase_if(missing_since_,
                [&](const auto& item) { return fetched.endpoints.contains(item.first); });
  std::vector<dc_id> newly_missing;
  for (const auto& [dc, endpoints] : known.endpoints) {
    if (fetched.endpoints.contains(dc)) continue;
    const auto [since, is_new] = missing_since_.try_emplace(dc, now);
    if (is_new) newly_missing.push_back(dc);
    if (now - since->second < kept_for)
      fetched.endpoints.emplace(dc, endpoints);
    else
      missing_since_.erase(since);
  }
  return newly_missing;
}

}  // namespace mtp::actors
