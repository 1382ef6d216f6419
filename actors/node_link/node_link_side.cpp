#include "actors/node_link/node_link_side.hpp"

#include "actors/core/names.hpp"

namespace mtp::actors {

std::string node_link_side::own_name() const {
  return credentials != nullptr ? credentials->current()->name() : core.config.get()->node_name;
}

caf::actor node_link_side::front_agent(unsigned reactor) const {
  return core.names.find(names::front_agent(reactor));
}

std::size_t number_of_backs(const config::settings& of) {
  return of.role == config::node_role::front ? of.back_nodes.size() : 1;
}

std::string describe_back(const config::settings& of, std::size_t back) {
  return of.role == config::node_role::front ? to_string(of.back_nodes[back])
                                             : "inside this process";
}

}  // namespace mtp::actors
