// The supervision tree of the proxy. Twin of mtproto_proxy_sup, and of what Ranch supervises there.
//
//   proxy_sup (one_for_one, 50 restarts in 5 s)
//   |- inspector                 permanent
//   |- http_fetcher              permanent, detached
//   |- dc_conn_sup               permanent, simple_one_for_one
//   |   `- dc_conn ...           temporary: its pool opens another one
//   |- dc_pool_sup               permanent, simple_one_for_one
//   |   `- dc_pool_<dc> ...      permanent
//   |- dc_config                 permanent
//   |- session_storage           permanent
//   |- link_back_<i>, link_front_<i>   permanent, one pair a reactor, if streams go through agents
//   |- client_handler_sup_<i>    permanent, one a reactor
//   `- listener_sup              permanent, one_for_one
//       `- listener_<port>_<i>   permanent, one a port a reactor
//
// Client handlers are started by listeners and belong to nobody: when a listener crashes they stay.
// Started from top to bottom, stopped from bottom to top: clients leave before what they need.
#pragma once

#include "actors/environment.hpp"
#include "actors/supervisor.hpp"

namespace mtp::actors {

/// Its name, under which whoever starts it registers it.
inline constexpr const char* root_name = "proxy_sup";

/// The tree for what `env` holds: settings, reactors and ports.
[[nodiscard]] supervisor_spec proxy_sup_spec(environment& env);

}  // namespace mtp::actors
