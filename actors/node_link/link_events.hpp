// Events of a stream as the uplink contract has them, and as they cross a link. On the wire there
// is one kind of event for both ways, which the other node may misuse.
#pragma once

#include <optional>

#include "actors/uplink/uplink.hpp"
#include "codecs/node_link/stream_frame.hpp"

namespace mtp::actors {

[[nodiscard]] stream::event to_wire(event_from_client&& event);
[[nodiscard]] stream::event to_wire(event_to_client&& event);
/// Nothing if it is no event that a client may say on an open stream.
[[nodiscard]] std::optional<event_from_client> as_from_client(stream::event&& event);
/// Nothing if it is no event that a client may hear on an open stream.
[[nodiscard]] std::optional<event_to_client> as_to_client(stream::event&& event);

}  // namespace mtp::actors
