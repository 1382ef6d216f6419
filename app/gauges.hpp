// Metrics that nobody counts: what is asked for when somebody looks.
#pragma once

#include <caf/actor_system.hpp>

#include "actors/ops/node_parts.hpp"

namespace mtp::app {

/// Adds clients of each listener, memory, connections of each DC, and links between nodes.
/// The inspector is asked for them, once for all. Computing them may take a second if actors hang;
/// those that do are left out.
void add_gauges(actors::node_parts& node, caf::actor_system& system);

}  // namespace mtp::app
