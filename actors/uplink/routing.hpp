// Whom a client's handler asks for a DC connection.
#pragma once

#include "actors/environment.hpp"

namespace mtp::actors {

/// A connection on `reactor` to the DC of `request` that has room: it expects an `open_stream` now.
/// If there is none, the pool; null while that does not run. Of a new client's DC that is unknown,
/// `telegram_config::resolve` has another one. Error: `unknown_dc` for a client that migrates.
[[nodiscard]] routed route_to_dc(environment& env, const stream::open& request, unsigned reactor);

/// The front agent of `reactor`; null while it is being restarted.
[[nodiscard]] routed route_to_front_agent(const environment& env, unsigned reactor);

/// Registered names: a reactor's front agent; the keeper of the conn to a back, by its place in
/// `settings::back_nodes`.
[[nodiscard]] std::string front_agent_name(unsigned reactor);
[[nodiscard]] std::string back_session_name(std::size_t back);
inline constexpr std::string_view gateway_name = "link_gateway";

/// How many backs a front has; inside one process (`through_link_agents`) it is itself.
[[nodiscard]] std::size_t number_of_backs(const config::settings& of);
/// For the log.
[[nodiscard]] std::string describe_back(const config::settings& of, std::size_t back);

}  // namespace mtp::actors
