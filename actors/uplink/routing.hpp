// Who gives clients a DC connection: what the sides of a node know of each other.
#pragma once

#include <caf/actor.hpp>
#include <functional>
#include <tl/expected.hpp>

#include "codecs/node_link/stream_frame.hpp"

namespace mtp::actors {

/// Where an `open_stream` goes: a null handle if there is nobody (yet); an error if there can't be.
using routed = tl::expected<caf::actor, refusal>;

/// Whom to ask for a DC connection, by an `open_stream`: a connection to that DC, or to the one
/// that stands in for it, that expects this client now; the pool; in split mode the front agent of
/// the client's reactor. Called on that reactor's thread.
using router = std::function<routed(const stream::open& request, unsigned reactor)>;

/// Clients that may wait for a connection at once, in a pool or in a front agent; more are refused
/// with `overloaded`.
inline constexpr std::size_t max_waiting_clients = 10'000;

}  // namespace mtp::actors
