#include "actors/client/newcomers.hpp"

#include <algorithm>

namespace mtp::actors {

newcomers::rank newcomers::rank_of(const members& group) noexcept {
  return {.crowd = group.size() > harmless ? group.size() : 0, .oldest = *group.begin()};
}

newcomer_place newcomers::join(const ip_address& from, time_point now) {
  const auto where = network_of(from);
  const std::lock_guard lock{mutex_};
  const auto newcomer = ++last_;
  items_.emplace(newcomer, item{.from = where, .client = {}, .since = now});
  auto& group = groups_[where];
  if (!group.empty()) ranks_.erase(rank_of(group));
  group.insert(group.end(), newcomer);
  ranks_.emplace(rank_of(group), where);
  size_ = items_.size();
  return {*this, newcomer};
}

void newcomers::start(number newcomer, caf::actor client) {
  const std::lock_guard lock{mutex_};
  const auto at = items_.find(newcomer);
  if (at != items_.end()) at->second.client = std::move(client);
}

void newcomers::leave(number newcomer) {
  const std::lock_guard lock{mutex_};
  if (items_.contains(newcomer))
    remove(newcomer);
  else
    --leaving_;
}

std::size_t newcomers::largest_crowd() const {
  const std::lock_guard lock{mutex_};
  return ranks_.empty() ? 0 : ranks_.begin()->first.crowd;
}

std::optional<newcomers::victim> newcomers::choose(time_point now, bool is_one_more) {
  const std::lock_guard lock{mutex_};
  if (ranks_.empty()) return std::nullopt;
  const auto [crowd, newcomer] = ranks_.begin()->first;
  const auto& chosen = items_.at(newcomer);
  if (chosen.client == nullptr) return std::nullopt;
  if (is_one_more && crowd == 0 && now - chosen.since < long_silence) return std::nullopt;
  victim evicted{.newcomer = newcomer, .client = chosen.client};
  remove(newcomer);
  ++leaving_;
  return evicted;
}

void newcomers::remove(number newcomer) {
  const auto at = items_.find(newcomer);
  const auto group = groups_.find(at->second.from);
  ranks_.erase(rank_of(group->second));
  group->second.erase(newcomer);
  if (group->second.empty())
    groups_.erase(group);
  else
    ranks_.emplace(rank_of(group->second), at->second.from);
  items_.erase(at);
  size_ = items_.size();
}

}  // namespace mtp::actors
