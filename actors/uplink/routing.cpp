#include "actors/uplink/routing.hpp"

#include "actors/uplink/middle/dc_pool.hpp"

namespace mtp::actors {

routed route_to_dc(environment& env, const stream::open& request, unsigned reactor) {
  const auto resolved = env.telegram.get()->resolve(request.dc);
  if (!resolved) return caf::actor{};
  // Its keys are those of the DC that served it.
  if (request.migrating && resolved != request.dc) return tl::unexpected{refusal::unknown_dc};
  // A full one is the pool's business: it has more of them opened.
  if (auto conn = env.conns.take(*resolved, reactor, env.settings.clients_per_dc_connection))
    return conn;
  return env.names.find(dc_pool_name(*resolved));
}

routed route_to_front_agent(const environment& env, unsigned reactor) {
  return env.names.find(front_agent_name(reactor));
}

std::string front_agent_name(unsigned reactor) {
  return "front_agent_" + std::to_string(reactor);
}

std::string back_session_name(std::size_t back) {
  return "back_session_" + std::to_string(back);
}

std::size_t number_of_backs(const config::settings& of) {
  return of.role == config::node_role::front ? of.back_nodes.size() : 1;
}

std::string describe_back(const config::settings& of, std::size_t back) {
  return of.role == config::node_role::front ? to_string(of.back_nodes[back])
                                             : "inside this process";
}

}  // namespace mtp::actors
