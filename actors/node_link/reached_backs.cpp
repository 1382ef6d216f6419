#include "actors/node_link/reached_backs.hpp"

#include <algorithm>

namespace mtp::actors {

std::optional<std::size_t> reached_backs::claim(std::size_t place, const caf::node_id& node) {
  const std::lock_guard lock{mutex_};
  const auto other = std::ranges::find_if(nodes_, [&](const auto& reached) {
    return reached.first != place && reached.second == node;
  });
  if (other != nodes_.end()) return other->first;
  nodes_.insert_or_assign(place, node);
  return std::nullopt;
}

bool reached_backs::has(const caf::node_id& node) const {
  const std::lock_guard lock{mutex_};
  return std::ranges::any_of(nodes_, [&](const auto& reached) { return reached.second == node; });
}

bool reached_backs::is_reached(std::size_t place) const {
  const std::lock_guard lock{mutex_};
  return nodes_.contains(place);
}

void reached_backs::release(std::size_t place) {
  const std::lock_guard lock{mutex_};
  nodes_.erase(place);
}

}  // namespace mtp::actors
