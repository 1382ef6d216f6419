// Whom a client's handler asks for a DC connection.
#pragma once

#include "actors/environment.hpp"

namespace mtp::actors {

/// A connection on `reactor` to `dc`, or to the default DC if that is unknown, that has room: it
/// expects an `open_stream` now. If there is none, the pool; null while that does not run.
[[nodiscard]] caf::actor route_to_dc(environment& env, dc_id dc, unsigned reactor);

/// The front agent of `reactor`; null while it is being restarted.
[[nodiscard]] caf::actor route_to_front_agent(const environment& env, unsigned reactor);

/// Registered names of the link agents of a reactor.
[[nodiscard]] std::string front_agent_name(unsigned reactor);
[[nodiscard]] std::string back_agent_name(unsigned reactor);

}  // namespace mtp::actors
