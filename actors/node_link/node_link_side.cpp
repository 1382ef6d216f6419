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

tl::expected<reservation, refusal> node_link_side::reserve(const stream::open&, unsigned reactor) {
  return reservation{core.names.find(names::front_agent(reactor))};
}

}  // namespace mtp::actors
