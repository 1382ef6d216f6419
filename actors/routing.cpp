#include "actors/routing.hpp"

#include "actors/dc_pool.hpp"

namespace mtp::actors {

routed route_to_dc(environment& env, const stream::open& request, unsigned reactor) {
  const auto resolved = env.telegram.get()->resolve(request.dc);
  if (!resolved) return caf::actor{};
  // Its keys are those of the DC that served it.
  if (request.migrating && resolved != request.dc) return tl::unexpected{refusal::unknown_dc};
  // A full one is the pool's business: it has more of them opened.
  if (auto link = env.links.take(*resolved, reactor, env.settings.clients_per_dc_connection))
    return link;
  return env.names.find(dc_pool_name(*resolved));
}

routed route_to_front_agent(const environment& env, unsigned reactor) {
  return env.names.find(front_agent_name(reactor));
}

std::string front_agent_name(unsigned reactor) {
  return "link_front_" + std::to_string(reactor);
}

std::string back_link_name(std::size_t back) {
  return "back_link_" + std::to_string(back);
}

std::size_t number_of_backs(const settings& of) {
  return of.role == node_role::front ? of.back_nodes.size() : 1;
}

std::string describe_back(const settings& of, std::size_t back) {
  return of.role == node_role::front ? to_string(of.back_nodes[back]) : "inside this process";
}

}  // namespace mtp::actors
