#include "actors/routing.hpp"

#include "actors/dc_pool.hpp"

namespace mtp::actors {

caf::actor route_to_pool(const environment& env, dc_id dc) {
  const auto resolved = env.telegram.get()->resolve(dc);
  return resolved ? env.names.find(dc_pool_name(*resolved)) : caf::actor{};
}

caf::actor route_to_front_agent(const environment& env, unsigned reactor) {
  return env.names.find(front_agent_name(reactor));
}

std::string front_agent_name(unsigned reactor) {
  return "link_front_" + std::to_string(reactor);
}

std::string back_agent_name(unsigned reactor) {
  return "link_back_" + std::to_string(reactor);
}

}  // namespace mtp::actors
