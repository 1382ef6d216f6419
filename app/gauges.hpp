// Gauges: metrics that are not counted but computed for each reading.
#pragma once

#include <caf/actor_system.hpp>

#include "actors/ops/node_parts.hpp"

namespace mtp::app {

/// Adds clients of each listener, memory, connections of each DC, and links between nodes.
/// The values are the inspector's, as on the console; a scrape asks each pool once. That may take a
/// second if actors hang, whose values are left out, and there is none while the inspector hangs.
void add_gauges(actors::node_parts& node, caf::actor_system& system);

}  // namespace mtp::app
