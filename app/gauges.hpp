// Gauges: metrics that are not counted but computed for each reading.
#pragma once

#include <caf/actor_system.hpp>

#include "actors/ops/node_parts.hpp"

namespace mtp::app {

/// Adds clients of each listener, memory, connections of each DC, and links between nodes.
/// Asks the inspector once for all of them. That may take a second if actors hang; their values are
/// left out.
void add_gauges(actors::node_parts& node, caf::actor_system& system);

}  // namespace mtp::app
