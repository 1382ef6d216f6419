#include "actors/client/newcomers.hpp"

#include <algorithm>

namespace mtp::actors {

newcomers::network newcomers::network_of(const ip_address& from) noexcept {
  network out{};
  const auto& whole = from.mapped();
  const std::size_t counted = from.is_v4() ? out.size() : out.size() / 2;
  std::copy_n(whole.begin(), counted, out.begin());
  return out;
}

newcomers::rank newcomers::rank_of(const members& group) noexcept {
  return {.crowd = group.size() > harmless ? group.size() : 0, .oldest = *group.begin()};
}

newcomer_place newcomers::join(const ip_address& from, time_point now) {
  const auto where = network_of(from);
  const std::lock_guard lock{mutex_};
  const auto which = ++last_;
  items_.emplace(which, item{.from = where, .handler = {}, .since = now});
  auto& group = groups_[where];
  if (!group.empty()) ranks_.erase(rank_of(group));
  group.insert(group.end(), which);
  ranks_.emplace(rank_of(group), where);
  size_ = items_.size();
  return {*this, which};
}

void newcomers::start(number which, caf::actor handler) {
  const std::lock_guard lock{mutex_};
  const auto at = items_.find(which);
  if (at != items_.end()) at->second.handler = std::move(handler);
}

void newcomers::leave(number which) {
  const std::lock_guard lock{mutex_};
  if (items_.contains(which))
    remove(which);
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
  const auto [crowd, which] = ranks_.begin()->first;
  const auto& chosen = items_.at(which);
  if (chosen.handler == nullptr) return std::nullopt;
  if (is_one_more && crowd == 0 && now - chosen.since < long_silence) return std::nullopt;
  victim out{.which = which, .handler = chosen.handler};
  remove(which);
  ++leaving_;
  return out;
}

void newcomers::remove(number which) {
  const auto at = items_.find(which);
  const auto group = groups_.find(at->second.from);
  ranks_.erase(rank_of(group->second));
  group->second.erase(which);
  if (group->second.empty())
    groups_.erase(group);
  else
    ranks_.emplace(rank_of(group->second), at->second.from);
  items_.erase(at);
  size_ = items_.size();
}

}  // namespace mtp::actors
