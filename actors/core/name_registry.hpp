// Actors that others find by name, as Erlang's registered processes. A restarted actor has a new
// handle, so handles are not kept for long but looked up again.
#pragma once

#include <caf/actor.hpp>
#include <map>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace mtp::actors {

/// Any thread may use it. Supervisors put their children in and take them out.
class name_registry {
 public:
  /// Replaces an earlier actor of that name.
  void put(const std::string& name, const caf::actor& actor);
  /// Takes `name` out if it still stands for `actor`.
  void remove(const std::string& name, const caf::actor_addr& actor);
  /// A null handle if no actor has that name now.
  [[nodiscard]] caf::actor find(std::string_view name) const;
  /// For inspection, sorted.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, caf::actor, std::less<>> actors_;
};

}  // namespace mtp::actors
