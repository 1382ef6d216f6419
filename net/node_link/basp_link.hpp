// Hands an authenticated connection to CAF: from then on the peer is a node of CAF's.
#pragma once

#include <caf/event_based_actor.hpp>
#include <chrono>
#include <functional>
#include <string>
#include <tl/expected.hpp>

#include "net/node_link/link_transport.hpp"

namespace mtp::net {

/// Accepting end. The peer gets `whom`, the only actor that it can message without having been
/// given a handle. Any thread. `port` is a key for CAF, the same for all calls with that `whom`.
/// The session tells the connection's fate; nothing tells whether the peer speaks BASP.
void publish_link(caf::actor_system& system, link_transport transport, std::uint16_t port,
                  const caf::actor& whom);

/// Whether the peer of a connection that was published is a node to CAF by now: it has sent a BASP
/// handshake. False once it has ended. Any thread, but not while the system stops.
[[nodiscard]] bool has_joined(caf::actor_system& system, const link_session& session);

/// The node at the other end.
struct linked_node {
  caf::node_id node;
  /// The actor that it has published.
  caf::actor published;
};

/// Dialing end. `done` is called once, as a handler of `self`, unless `self` ends before. An error
/// is for the operator; the connection is cut then. If CAF still has another connection to that
/// node, it answers with an actor behind that one and closes this one: see `session->ended()`. A
/// `self` that ends must cut its session: the connection does not end with it.
void join_link(caf::event_based_actor& self, link_transport transport, std::uint16_t port,
               std::chrono::milliseconds limit,
               const std::function<void(tl::expected<linked_node, std::string>)>& done);

/// `done` is called once, as a handler of `self`, with the remote address and port of the
/// connection that CAF uses for a node, as its `link_transport` had them; with an empty address if
/// there is none, or CAF does not tell within `limit`.
void find_link(caf::event_based_actor& self, const caf::node_id& node,
               std::chrono::milliseconds limit,
               const std::function<void(const std::string& address, std::uint16_t port)>& done);

}  // namespace mtp::net
