#include "actors/client/client_side.hpp"

namespace mtp::actors {

client_side::client_side(node_core& shared) : core{shared}, clients(shared.reactors.size()) {
  for (std::size_t i = 0; i < clients.size(); ++i)
    core.holders[i].push_back(&memories_.emplace_back(clients[i]));
}

}  // namespace mtp::actors
