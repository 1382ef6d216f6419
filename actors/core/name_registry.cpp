#include "actors/core/name_registry.hpp"

#include <mutex>

namespace mtp::actors {

void name_registry::put(const std::string& name, const caf::actor& who) {
  const std::unique_lock lock{mutex_};
  actors_.insert_or_assign(name, who);
}

void name_registry::remove(const std::string& name, const caf::actor_addr& who) {
  const std::unique_lock lock{mutex_};
  const auto at = actors_.find(name);
  if (at != actors_.end() && at->second == who) actors_.erase(at);
}

caf::actor name_registry::find(std::string_view name) const {
  const std::shared_lock lock{mutex_};
  const auto at = actors_.find(name);
  return at == actors_.end() ? caf::actor{} : at->second;
}

std::vector<std::string> name_registry::names() const {
  const std::shared_lock lock{mutex_};
  std::vector<std::string> out;
  for (const auto& [name, who] : actors_)
    out.push_back(name);
  return out;
}

}  // namespace mtp::actors
