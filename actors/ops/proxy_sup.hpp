// The supervision tree of the proxy. Twin of mtproto_proxy_sup, and of Ranch's supervisors there.
//
//   proxy_sup (one_for_one, 50 restarts in 5 s)      in role
//   |- inspector              permanent            all
//   |- memory_guard_<i>       permanent            all, per reactor
//   |- http_fetcher           permanent, detached  both, back
//   |- dc_conn_sup            permanent, simple_one_for_one  both, back
//   |   `- dc_conn ...           temporary: its pool opens another one
//   |- dc_pool_sup            permanent, simple_one_for_one  both, back
//   |   `- dc_pool_<dc> ...      permanent
//   |- dc_config              permanent            both, back
//   |- back_agent_sup         permanent, simple_one_for_one  back
//   |   `- back_agent ...      temporary: per session and reactor of a front
//   |- link_gateway           permanent            back
//   |- link_listener          permanent            back
//   |- back_session_sup       permanent, one_for_one  front
//   |   `- back_session_<n>     permanent, per back
//   |- front_agent_<i>        permanent            front, per reactor
//   |- replay_writer          permanent, detached  both, front
//   |- replay_sweeper         permanent            both, front
//   |- client_roster_<i>      permanent            both, front; per reactor
//   `- listener_sup           permanent, one_for_one  both, front
//       `- listener_<port>_<i>   permanent, per port and reactor
//
// With `run --link-agents` a node that is both has all of it but link_listener.
//
// client_conns are started by listeners and have no supervisor: when a listener crashes they stay.
// Started from top to bottom, stopped from bottom to top: clients leave before the actors that they
// need.
#pragma once

#include "actors/core/supervisor.hpp"
#include "actors/ops/node_parts.hpp"

namespace mtp::actors {

/// The tree for the sides, reactors and ports of `node`. The caller registers the actor as
/// `names::root`.
[[nodiscard]] supervisor_spec proxy_sup_spec(node_parts& node);

/// The children that listener_sup has for a port, one per reactor.
[[nodiscard]] std::vector<start_child> listeners_of(client_side& side, const served_port& served);

/// The child that back_session_sup has for a back.
[[nodiscard]] start_child session_with(node_link_side& side, const known_back& back);

}  // namespace mtp::actors
