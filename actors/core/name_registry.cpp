#include "actors/core/name_registry.hpp"

#include <mutex>

namespace mtp::actors {

void name_registry::put(const std::string& name, const caf::actor& actor) {
  const std::unique_lock lock{mutex_};
  actors_.insert_or_assign(name, actor);
}

void name_registry::remove(const std::string& name, const caf::actor_addr& actor) {
  const std::unique_lock lock{mutex_};
  const auto at = actors_.find(name);
  if (at != actors_.end() && at->second == actor) actors_.erase(at);
}

caf::actor name_registry::find(std::string_view name) const {
  const std::shared_lock lock{mutex_};
  const auto at = actors_.find(name);
  return at == actors_.end() ? caf::actor{} : at->second;
}

std::vector<std::string> name_registry::names() const {
  const std::shared_lock lock{mutex_};
  std::vector<std::string> registered;
  for (const auto& [name, actor] : actors_)
    registered.push_back(name);
  return registered;
}

}  // namespace mtp::actors
