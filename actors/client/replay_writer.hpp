// Writes handshakes to the file that remembers them over a restart.
#pragma once

#include <caf/stateful_actor.hpp>

#include "actors/client/client_side.hpp"

namespace mtp::actors {

struct replay_writer_state {
  static inline const char* name = "replay_writer";
};

/// Behavior: has `client_side::journal` written twice a second, with the settings of then, and once
/// more when it is asked to end. It waits for the disk, so it has a thread of its own. What waits
/// to be written outlives a restart of the actor.
caf::behavior replay_writer(caf::stateful_actor<replay_writer_state>* self, client_side& side);

}  // namespace mtp::actors
