// All parts of a node, for the code that deals with a node as a whole: its supervision tree, and
// the answers to operators' questions.
#pragma once

#include "actors/client/client_side.hpp"
#include "actors/node_link/node_link_side.hpp"
#include "actors/uplink/middle/uplink_side.hpp"

namespace mtp::actors {

/// Sides that the node's role does not have are null.
struct node_parts {
  node_core& core;
  client_side* client = nullptr;
  uplink_side* uplink = nullptr;
  node_link_side* link = nullptr;
};

}  // namespace mtp::actors
