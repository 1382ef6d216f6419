#include "actors/client/fronted_table.hpp"

#include <algorithm>

namespace mtp::actors {

fronted_table::rank fronted_table::rank_of(const client_network& of,
                                           const members& group) noexcept {
  return {.size = group.size(), .oldest = group.begin()->first, .of = of};
}

fronted_place fronted_table::join(const ip_address& from, caf::actor visitor,
                                  const activity& moved) {
  const auto where = network_of(from);
  const std::lock_guard lock{mutex_};
  auto& group = networks_[where];
  if (!group.empty()) ranks_.erase(rank_of(where, group));
  group.emplace(++last_, item{.visitor = std::move(visitor), .moved = &moved});
  ranks_.insert(rank_of(where, group));
  ++size_;
  return {*this, where, last_};
}

caf::actor fronted_table::choose(std::size_t most) {
  const std::lock_guard lock{mutex_};
  if (size_ <= most || ranks_.empty()) return nullptr;
  const auto group = networks_.find(ranks_.begin()->of);
  const auto idlest = std::ranges::min_element(group->second, {}, [](const auto& entry) {
    return entry.second.moved->load(std::memory_order_relaxed);
  });
  auto visitor = idlest->second.visitor;
  remove(group, idlest->first);
  ++evictions_;
  return visitor;
}

void fronted_table::leave(const client_network& from, number fronted) {
  const std::lock_guard lock{mutex_};
  const auto group = networks_.find(from);
  // It may have been chosen, and be the last one of its network.
  if (group != networks_.end() && group->second.contains(fronted)) remove(group, fronted);
}

void fronted_table::remove(std::map<client_network, members>::iterator group, number fronted) {
  const auto& where = group->first;
  ranks_.erase(rank_of(where, group->second));
  group->second.erase(fronted);
  --size_;
  if (group->second.empty())
    networks_.erase(group);
  else
    ranks_.insert(rank_of(where, group->second));
}

}  // namespace mtp::actors
