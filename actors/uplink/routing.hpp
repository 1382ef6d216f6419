// Where clients get a DC connection: all that the client side of a node knows of its uplink side.
#pragma once

#include <caf/actor.hpp>
#include <functional>
#include <tl/expected.hpp>

#include "codecs/node_link/stream_frame.hpp"

namespace mtp::actors {

/// The actor that an `open_stream` goes to. A null handle if there is no such actor (yet); an error
/// if there can't be one.
using routed = tl::expected<caf::actor, refusal>;

/// Chooses the actor to ask for a DC connection. That is a connection to the DC, or to the DC that
/// stands in for it, which has counted this client already; else the DC's pool; in split mode the
/// front agent of the client's reactor. Called on the thread of `reactor`, the client's.
using router = std::function<routed(const stream::open& request, unsigned reactor)>;

/// Clients that may wait for a connection at once, in a pool or in a front agent; more are refused
/// with `overloaded`.
inline constexpr std::size_t max_waiting_clients = 10'000;

}  // namespace mtp::actors
