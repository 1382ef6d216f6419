// The uplink contract: how clients get DC connections, what they say to them and what they hear.
//
//   client                                          uplink
//     |-- reserve ------------------------------------>|     a call: an actor, or a refusal
//     |-- open_stream --> the reserved actor           |     a request
//     |<------------------ stream_opened, or a frame_to_client: refused, migrate
//     |-- frame_from_client --> stream_opened::conn    |     data, ack, close
//     |<------------------ frame_to_client             |     data, ack, quick_ack; the end: close,
//     |                                                |     refused, migrate
//
// Clients are client_conns, and on a back the back agents that stand for them. Uplinks are
// `uplink_side` (dc_conns to middle proxies, shared by many clients) and, on a front,
// `node_link_side` (front agents, which lead to backs). An uplink with a connection of its own for
// each client would reserve an actor that makes one, with nothing to count.
#pragma once

#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <tl/expected.hpp>
#include <utility>
#include <variant>

#include "actors/uplink/credit.hpp"
#include "actors/uplink/dc_conn_load.hpp"
#include "codecs/node_link/stream_events.hpp"

namespace mtp::actors {

// -- what a client says ---------------------------------------------------------------------------

/// Request to the actor that was reserved: `client` wants a DC connection. The reply (unit) only
/// says that the request is being dealt with. An error says that it is not; the client may ask
/// again. The result goes to the client: `stream_opened`, or a `frame_to_client` with `refused` or
/// `migrate`. A dc_pool passes the request on in the same way, to the dc_conn it chose.
struct open_stream {
  stream_id stream = 0;
  caf::actor client;
  stream::open request;
  /// Where the client lives: a DC connection on the same reactor is preferred.
  unsigned reactor = 0;
  /// In the load of the dc_conn that this goes to. Counts nothing if it goes to another actor.
  counted_client counted = {};
};

/// To the actor that got the `open_stream`: the client does not want this stream any more. Also
/// right if the stream was opened meanwhile.
struct cancel_stream {
  stream_id stream = 0;
};

using event_from_client = std::variant<stream::data, stream::ack, stream::close>;
/// To the actor that `stream_opened` named. `close`: the client has left.
struct frame_from_client {
  stream_id stream = 0;
  event_from_client event;
  friend bool operator==(const frame_from_client&, const frame_from_client&) = default;
};

// -- what it hears --------------------------------------------------------------------------------

/// From now on frames of this stream go to `conn`, which lives on `reactor` and leads to `dc`.
struct stream_opened {
  stream_id stream = 0;
  caf::actor conn;
  unsigned reactor = 0;
  dc_id dc = 0;
};

using event_to_client = std::variant<stream::data, stream::ack, stream::quick_ack, stream::migrate,
                                     stream::refused, stream::close>;
/// A stream ends with `close`, `refused` or `migrate`; after `migrate`, `refused` may still come
/// for data that was on its way. Before `stream_opened` only an end may come.
struct frame_to_client {
  stream_id stream = 0;
  event_to_client event;
  friend bool operator==(const frame_to_client&, const frame_to_client&) = default;
};

// -- how it gets there ----------------------------------------------------------------------------

/// The actor to ask for a DC connection. If that is a dc_conn, the client is counted in its load
/// already, so that the pool does not close it meanwhile; a reservation that is dropped gives the
/// count back, also if the dc_conn was withdrawn or has ended.
class [[nodiscard]] reservation {
 public:
  /// No actor can be asked yet: try again later.
  reservation() = default;
  explicit reservation(caf::actor asked, counted_client counted = {}) noexcept
      : asked_{std::move(asked)}, counted_{std::move(counted)} {}
  reservation(reservation&&) noexcept = default;
  reservation& operator=(reservation&&) noexcept = default;
  reservation(const reservation&) = delete;
  reservation& operator=(const reservation&) = delete;
  ~reservation() = default;

  [[nodiscard]] explicit operator bool() const noexcept { return asked_ != nullptr; }

  /// Uses it up. `order` takes the count along, and is now to be sent, as a request, to the actor
  /// that is returned; `cancel_stream` goes to the same actor. If that ends before it has dealt
  /// with `order`, the count is given back with the message.
  [[nodiscard]] caf::actor redeem(open_stream& order) && noexcept {
    order.counted = std::move(counted_);
    return std::exchange(asked_, nullptr);
  }

 private:
  caf::actor asked_;
  counted_client counted_;
};

/// All that the client side of a node knows of its uplink side.
class uplink {
 public:
  /// The actor that a client is to ask for a DC connection. Error: why there can't be one. For the
  /// thread of `reactor`, the client's.
  [[nodiscard]] virtual tl::expected<reservation, refusal> reserve(const stream::open& request,
                                                                   unsigned reactor) = 0;

  uplink() = default;
  uplink(const uplink&) = delete;
  uplink& operator=(const uplink&) = delete;
  uplink(uplink&&) = delete;
  uplink& operator=(uplink&&) = delete;

 protected:
  ~uplink() = default;
};

/// Clients that may wait for a connection at once, in a pool or in a front agent; more are refused
/// with `overloaded`.
inline constexpr std::size_t max_waiting_clients = 10'000;

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::open_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::cancel_stream)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::frame_from_client)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::stream_opened)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::frame_to_client)
