#include "actors/client/client_side.hpp"

namespace mtp::actors {

namespace {

/// About a cover site that can't be reached.
constexpr std::size_t lines_a_minute = 1;

}  // namespace

client_side::client_side(node_core& shared)
    : core{shared},
      journal{shared.config.get()->process.state_dir, replays, unwritten, shared.metrics},
      clients(shared.reactors.size()),
      pipes(shared.reactors.size()),
      site_troubles(shared.reactors.size(), limited_log{lines_a_minute}) {
  for (std::size_t i = 0; i < clients.size(); ++i)
    core.holders[i].push_back(&memories_.emplace_back(clients[i]));
}

}  // namespace mtp::actors
