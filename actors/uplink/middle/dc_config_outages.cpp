// Of dc_config: which DCs can't be reached, and how the operator hears of it.
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/uplink/middle/dc_config.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// What happens within this time is told in one line.
constexpr auto outage_gathering = 1s;

}  // namespace

void dc_config_state::handle_outage(const dc_outage& outage) {
  // One that is in no list any more has no pool that would tell the end of it.
  if (!pooled.contains(outage.dc)) return;
  outages.insert_or_assign(outage.dc, outage.why);
  plan_refresh();
  tell_outages_soon();
}

void dc_config_state::handle_recovery(dc_id dc) {
  if (outages.erase(dc) == 0) return;
  plan_refresh();
  tell_outages_soon();
}

void dc_config_state::tell_outages_soon() {
  if (std::exchange(telling, true)) return;
  self->delayed_send(self, outage_gathering, outages_due{});
}

void dc_config_state::tell_outages() {
  telling = false;
  std::vector<dc_id> lost;
  std::vector<dc_id> back;
  for (const auto& [dc, why] : outages)
    if (!told_outages.contains(dc)) lost.push_back(dc);
  for (const auto dc : told_outages)
    if (!outages.contains(dc)) back.push_back(dc);
  told_outages.clear();
  for (const auto& [dc, why] : outages)
    told_outages.insert(dc);
  if (!back.empty()) spdlog::info("connected again: dc {}", fmt::join(back, ", "));
  if (lost.empty()) return;
  const auto& [example, why] = *outages.find(lost.back());
  const auto known = side->telegram.get()->dcs();
  const bool all = std::ranges::all_of(known, [&](dc_id dc) { return outages.contains(dc); });
  if (all)
    spdlog::warn(
        "Telegram can't be reached: no connection to any of {} DCs (dc {}: {}); clients wait, "
        "and connecting goes on",
        outages.size(), example, why);
  else
    spdlog::warn("no connection to dc {} (dc {}: {}); connecting goes on", fmt::join(lost, ", "),
                 example, why);
}

}  // namespace mtp::actors
