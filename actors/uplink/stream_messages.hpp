// Messages of a client's stream inside a node. Everything but opening a stream is a `stream_frame`
// (codecs/node_link/stream_frame.hpp) as it is; opening exchanges handles, which frames do not
// carry.
#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>

#include "actors/uplink/credit.hpp"
#include "codecs/node_link/stream_frame.hpp"

namespace mtp::actors {

/// Request to the actor that a `router` chose: `client` wants a DC connection. The reply (unit)
/// only says that the request is being dealt with. An error says that it is not; the client may ask
/// again. The result goes to the client: `stream_opened`, or a `stream_frame` with `refused` or
/// `migrate`. A dc_pool passes the request on in the same way, to the dc_conn it chose.
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

/// To the actor that got the `open_stream`: the client does not want this stream any more. Also
/// right if the stream was opened meanwhile.
struct cancel_stream {
  stream_id stream = 0;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::stream_frame)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::open_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::stream_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::cancel_stream)
