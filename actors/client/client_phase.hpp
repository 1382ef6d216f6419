// The phases of a client's connection. Each has a file and state of its own; client_conn tells it
// of events. A phase ends by returning the next phase.
#pragma once

#include <optional>
#include <variant>

#include "actors/client/closing_phase.hpp"
#include "actors/client/handshake_phase.hpp"
#include "actors/client/opening_phase.hpp"
#include "actors/client/relay_phase.hpp"
#include "actors/client/tunnel_phase.hpp"

namespace mtp::actors {

using client_phase =
    std::variant<handshake_phase, opening_phase, tunnel_phase, relay_phase, closing_phase>;

/// The phase that follows an event. Empty: the phase goes on, or `client_conn::quit` was called.
struct next_phase : std::optional<client_phase> {
  using std::optional<client_phase>::optional;
};

}  // namespace mtp::actors
