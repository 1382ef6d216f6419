#include "actors/core/endpoint_backoff.hpp"

#include <algorithm>
#include <tuple>

#include "actors/core/doubled.hpp"

namespace mtp::actors {

std::optional<endpoint> endpoint_backoff::choose(const std::vector<endpoint_candidate>& candidates,
                                                 time_point now) {
  std::erase_if(records_,
                [&](const auto& item) { return item.second.rests_until + forget_after < now; });
  const auto held_up = [&](unsigned rank) {
    return std::ranges::any_of(candidates, [&](const auto& candidate) {
      return candidate.rank == rank && candidate.overdue > 0;
    });
  };
  using preference = std::tuple<unsigned, bool, unsigned, std::size_t>;
  std::optional<preference> best;
  std::optional<endpoint> chosen;
  for (const auto& candidate : candidates) {
    if (candidate.overdue > 0) continue;
    const auto known = records_.find(candidate.at);
    const auto failures = known == records_.end() ? 0 : known->second.failures;
    if (failures > 0 && candidate.pending > 0) continue;
    if (known != records_.end() && known->second.rests(candidate, now)) continue;
    const preference mine{failures, held_up(candidate.rank), candidate.rank,
                          candidate.pending + candidate.open};
    if (best && *best <= mine) continue;
    best = mine;
    chosen = candidate.at;
  }
  return chosen;
}

void endpoint_backoff::succeeded(const endpoint& at) {
  records_.erase(at);
}

endpoint_backoff::time_point endpoint_backoff::failed(const endpoint& at, time_point now) {
  auto& state = records_[at];
  const auto rest = doubled<duration>(first_rest, state.failures++, longest_rest);
  state.rests_until = now + rest + std::chrono::duration_cast<duration>(rest * jitter_() / 2);
  return state.rests_until;
}

void endpoint_backoff::rest(const endpoint& at, time_point now) {
  auto& until = records_[at].rests_until;
  until = std::max(until, now + first_rest);
}

endpoint_backoff::time_point endpoint_backoff::next_chance(
    const std::vector<endpoint_candidate>& candidates, time_point now) const {
  std::optional<time_point> first;
  for (const auto& candidate : candidates) {
    const auto known = records_.find(candidate.at);
    const bool has_record = known != records_.end();
    // One that is being tried is heard of when that ends.
    const bool failed = has_record && known->second.failures > 0;
    if (candidate.overdue > 0 || (failed && candidate.pending > 0)) continue;
    const bool rests = has_record && known->second.rests(candidate, now);
    const auto when = rests ? known->second.rests_until : now;
    first = std::min(first.value_or(when), when);
  }
  return first.value_or(now);
}

}  // namespace mtp::actors
