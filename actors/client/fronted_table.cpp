#include "actors/client/fronted_table.hpp"

namespace mtp::actors {

fronted_table::rank fronted_table::rank_of(const client_network& of,
                                           const members& group) noexcept {
  return {.size = group.items.size(), .oldest = group.items.begin()->first, .of = of};
}

fronted_place fronted_table::join(const ip_address& from, caf::actor visitor,
                                  const activity& moved) {
  const auto where = network_of(from);
  const std::lock_guard lock{mutex_};
  auto& group = networks_[where];
  if (!group.items.empty()) ranks_.erase(rank_of(where, group));
  const auto seen = moved.load(std::memory_order_relaxed);
  group.items.emplace(++last_, item{.visitor = std::move(visitor), .moved = &moved, .seen = seen});
  group.idlest.emplace(seen, last_);
  ranks_.insert(rank_of(where, group));
  ++size_;
  return {*this, where, last_};
}

/// A look at all of a large crowd, for each newcomer of it, would cost more than the newcomer does.
fronted_table::number fronted_table::idlest_of(members& group) {
  // None is looked at twice, though others may speak meanwhile.
  for (auto left = group.items.size(); left > 0; --left) {
    const auto [seen, fronted] = *group.idlest.begin();
    auto& at = group.items.at(fronted);
    const auto moved = at.moved->load(std::memory_order_relaxed);
    if (moved <= seen) return fronted;
    group.idlest.erase(group.idlest.begin());
    at.seen = moved;
    group.idlest.emplace(moved, fronted);
  }
  return group.idlest.begin()->second;
}

caf::actor fronted_table::choose(std::size_t most) {
  const std::lock_guard lock{mutex_};
  if (size_ <= most || ranks_.empty()) return nullptr;
  const auto group = networks_.find(ranks_.begin()->of);
  const auto idlest = idlest_of(group->second);
  auto visitor = group->second.items.at(idlest).visitor;
  remove(group, idlest);
  ++evictions_;
  return visitor;
}

void fronted_table::leave(const client_network& from, number fronted) {
  const std::lock_guard lock{mutex_};
  const auto group = networks_.find(from);
  // It may have been chosen, and be the last one of its network.
  if (group != networks_.end() && group->second.items.contains(fronted)) remove(group, fronted);
}

void fronted_table::remove(std::map<client_network, members>::iterator group, number fronted) {
  const auto& where = group->first;
  ranks_.erase(rank_of(where, group->second));
  const auto leaving = group->second.items.find(fronted);
  group->second.idlest.erase({leaving->second.seen, fronted});
  group->second.items.erase(leaving);
  --size_;
  if (group->second.items.empty())
    networks_.erase(group);
  else
    ranks_.insert(rank_of(where, group->second));
}

}  // namespace mtp::actors
