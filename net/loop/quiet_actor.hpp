// By default CAF prints every message for which an actor has no handler to standard output, past
// our log. A peer may send anything to the actors that it knows, so ours drop such messages.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>
#include <exception>

namespace mtp::net {

/// For an actor before it runs; its own handlers take the place of these. A message that it does
/// not know is dropped (debug builds log it once per type), and a request answered with
/// `caf::sec::unexpected_message`. So is a down_msg, without a log line or answer. An exception
/// ends the actor with `report_bug`.
void set_quiet_defaults(caf::scheduled_actor& self);

/// Logs an exception that left a handler. The error to end the actor with.
[[nodiscard]] caf::error report_bug(std::exception_ptr thrown);

/// Starts a `Self` that is no pinned_actor, with `set_quiet_defaults`. `behave(self)` returns its
/// behavior. The only way that actors without a class of their own are started.
template <class Self, caf::spawn_options Options = caf::no_spawn_options, class Behave>
caf::actor spawn_quiet(caf::actor_system& system, Behave behave) {
  return system.spawn<Options>([behave = std::move(behave)](Self* self) -> caf::behavior {
    set_quiet_defaults(*self);
    return behave(self);
  });
}

/// CAF's own actors still have its defaults: from here on, what they print goes nowhere. Peers
/// can't reach the two of them that it would show to each peer either: one starts actors, the other
/// stores anything that it is told. Call once, as soon as there is a system.
void quiet_caf(caf::actor_system& system);

}  // namespace mtp::net
