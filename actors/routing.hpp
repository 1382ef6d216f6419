// Whom a client's handler asks for a DC connection.
#pragma once

#include "actors/environment.hpp"

namespace mtp::actors {

/// The pool of `dc`, or of the default DC if there is none; null while neither runs.
[[nodiscard]] caf::actor route_to_pool(const environment& env, dc_id dc);

/// The front agent of `reactor`; null while it is being restarted.
[[nodiscard]] caf::actor route_to_front_agent(const environment& env, unsigned reactor);

/// Registered names of the link agents of a reactor.
[[nodiscard]] std::string front_agent_name(unsigned reactor);
[[nodiscard]] std::string back_agent_name(unsigned reactor);

}  // namespace mtp::actors
