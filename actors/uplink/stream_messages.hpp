// Messages of a client's stream inside a node. Everything but opening a stream is a `stream_frame`
// (codecs/node_link/stream_frame.hpp) as it is; opening exchanges handles, which frames do not
// carry.
#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "codecs/node_link/stream_frame.hpp"

namespace mtp::actors {

/// What `bytes` in `packets` count against a client's window towards Telegram: a message and an RPC
/// header cost more than a small packet itself.
[[nodiscard]] constexpr std::size_t credit_of(std::size_t bytes, std::size_t packets) noexcept {
  constexpr std::size_t packet_cost = 128;
  return bytes + packets * packet_cost;
}

/// Un-acked credit above which a client is not read from. Acks come in quarters (dc_conn).
inline constexpr std::size_t client_window = std::size_t{256} * 1024;

/// To whoever a `router` names, as a request: `client` wants a DC connection. The reply
/// (unit) only says that somebody cares for it; an error that nobody does, and it may be asked
/// again. To the client follows `stream_opened`, or a `stream_frame` with `refused` or `migrate`.
/// A dc_pool passes it on in the same way, to the dc_conn it chose.
struct open_stream {
  stream_id stream = 0;
  caf::actor client;
  stream::open request;
  /// Where the client lives: a DC connection on the same reactor is preferred.
  unsigned reactor = 0;
};

/// To the client: from now on frames of this stream go to `conn`, which lives on `reactor` and
/// leads to `dc`.
struct stream_opened {
  stream_id stream = 0;
  caf::actor conn;
  unsigned reactor = 0;
  dc_id dc = 0;
};

/// To the one that was asked to open it: the client does not want this stream any more. Also right
/// if the stream was opened meanwhile.
struct cancel_stream {
  stream_id stream = 0;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::stream_frame)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::open_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::stream_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::cancel_stream)
