#include "actors/node_link/node_link_side.hpp"

#include "actors/core/names.hpp"

namespace mtp::actors {

std::shared_ptr<const config::link_config> node_link_side::settings() const {
  const auto all = core.config.get();
  return {all, &all->link};
}

std::string node_link_side::own_name() const {
  return credentials != nullptr ? credentials->current()->name() : settings()->node_name;
}

caf::actor node_link_side::front_agent(unsigned reactor) const {
  return core.names.find(names::front_agent(reactor));
}

}  // namespace mtp::actors
