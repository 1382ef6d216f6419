// CAF's end of a connection between nodes: carries BASP over a link_transport, on the
// multiplexer's thread.
#pragma once

#include <caf/io/scribe.hpp>

#include "net/node_link/link_transport.hpp"

namespace mtp::net {

/// A peer may announce 4 GB, and CAF would allocate them: a longer message ends the connection.
/// Bytes.
inline constexpr std::size_t max_basp_payload = std::size_t{1} << 20;

/// A connection to give to a broker of `system`, which must have the middleman. Any thread. The
/// session ends when the broker and the multiplexer have let go of it; bytes that the broker has
/// not sent when it closes the connection get another second.
[[nodiscard]] caf::io::scribe_ptr make_link_scribe(caf::actor_system& system,
                                                   link_transport transport);

}  // namespace mtp::net
