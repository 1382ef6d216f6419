// Messages between the actors of a node link. Between nodes go only types of CAF's own and
// `link_blob`, whose content is ours to read and check (codecs/node_link/stream_frame.hpp,
// codecs/node_link/link_hello.hpp): two builds can't misunderstand each other's structs.
#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/atom.hpp>
#include <chrono>
#include <string>

#include "codecs/base/bytes.hpp"

namespace mtp::actors {

// -- between nodes --------------------------------------------------------------------------------

/// Between paired agents: frames of a session.
struct link_blob {
  /// A text, as CAF checks the length of one before it gets memory for it.
  std::string content;
};
template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, link_blob& x) {
  return f(x.content);
}

/// back_session to link_gateway (request): `(link_hello_atom, encoded link_hello, front agents)`,
/// one agent per reactor. The reply is `(encoded link_answer, back agents)`, with as many agents if
/// it is a welcome.
using link_hello_atom = caf::atom_constant<caf::atom("link_hello")>;
/// The same, `(link_bye_atom, session)`: the session is over. The reply (unit) means that the back
/// has taken all that was sent before.
using link_bye_atom = caf::atom_constant<caf::atom("link_bye")>;

/// link_gateway to back_session, the same with a text behind, `(link_bye_atom, session, why)`: the
/// back ends the session. No reply. Only with `link_capability::farewell`.

/// back_session to link_gateway: `(link_share_atom, session, wanted)`: whether the front wants to
/// hear of handshakes that other fronts have seen. No reply. This and the next ones only with
/// `link_capability::seen_handshakes`.
using link_share_atom = caf::atom_constant<caf::atom("link_share")>;
/// The same (request), `(link_seen_atom, session, encoded seen_batch)`: handshakes that this front
/// has seen. The reply (unit) asks for more.
using link_seen_atom = caf::atom_constant<caf::atom("link_seen")>;
/// link_gateway to back_session (request), the same with a name: `(link_seen_atom, session, front,
/// encoded seen_batch)`: handshakes that another front has seen. The reply (unit) asks for more.

/// back_session to link_gateway (request), `(link_ask_atom, line)`: a line of the console, answered
/// as by the back's own. The reply is `(text, true)`, or `(why not, false)`.
using link_ask_atom = caf::atom_constant<caf::atom("link_ask")>;
/// How long an answer may take to be found.
inline constexpr std::chrono::seconds remote_answer_patience{6};

/// How long the reply to handshakes may take.
inline constexpr std::chrono::seconds seen_patience{10};

/// CAF's key for the gateway.
inline constexpr std::uint16_t link_key = 1;

// -- in the front ---------------------------------------------------------------------------------

/// back_session to front agents: a session has begun; `peer` is the agent's partner.
struct link_up {
  /// `known_back::place`.
  std::size_t back = 0;
  std::uint64_t session = 0;
  caf::actor peer;
};
/// back_session to front agents: the session is over.
struct link_down {
  std::size_t back = 0;
  std::uint64_t session = 0;
};
/// front agent to back_session: the agent has just been started and knows of no session.
struct link_agent_started {
  unsigned reactor = 0;
};

/// front agent to back_session: whether a stream of that reactor uses a back that is being left.
struct back_usage {
  unsigned reactor = 0;
  bool in_use = false;
};
/// From another back_session to the back_session of a back that is being left: the node was reached
/// by another address.
struct back_replaced {};

/// To a back_session (request): asks its back as `link_ask_atom` does, with the same reply.
struct ask_back {
  std::string line;
};

// -- in both --------------------------------------------------------------------------------------

/// agent to back_session or link_gateway: its session can't go on.
struct link_broken {
  std::uint64_t session = 0;
  std::string why;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::link_up)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::link_down)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::link_agent_started)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::back_usage)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::back_replaced)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::ask_back)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::link_broken)
