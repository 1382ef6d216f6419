// What happens on a client's stream between its client_conn and its DC connection. Inside a node
// actors/uplink/uplink.hpp says who may say what; between nodes it is
// codecs/node_link/stream_frame.
#pragma once

#include <array>
#include <chrono>
#include <optional>
#include <string_view>

#include "codecs/base/byte_claim.hpp"
#include "codecs/base/dc_id.hpp"
#include "codecs/telegram/rpc.hpp"

namespace mtp {

/// Names a client's stay on one DC connection. Unique in its process, never reused.
using stream_id = std::uint64_t;

/// Why a stream was not opened, or why data was sent back.
enum class refusal : std::uint8_t {
  /// No connection to the DC came up in time.
  no_conn,
  /// Too many clients wait for a connection to the DC.
  overloaded,
  /// The DC connection is closing; the data was not sent.
  migrating,
  /// Too much waits for the client: it is closed at once, and that is dropped.
  too_slow,
  /// The DC that served the client is not in Telegram's lists any more. No other one has its keys.
  unknown_dc,
};
inline constexpr std::array<std::string_view, 5> refusal_names{"no_link", "overloaded", "mid_send",
                                                               "too_slow", "not_found"};
static_assert(refusal_names.size() == static_cast<std::size_t>(refusal::unknown_dc) + 1);
[[nodiscard]] constexpr std::string_view to_string(refusal why) noexcept {
  return refusal_names[static_cast<std::size_t>(why)];
}

namespace stream {

// -- client to DC ---------------------------------------------------------------------------------

/// Asks for a DC connection: the stream is opened, or it is `refused`.
struct open {
  /// The DC that the client asked for; if it migrates, the DC that has served it. Only in the
  /// former case another DC may serve it.
  dc_id dc = 0;
  endpoint client;
  framing kind = framing::padded;
  std::optional<rpc::ad_tag> tag;
  /// The client left a dying connection and had nothing in flight.
  bool migrating = false;
  /// What still waits for the client from its earlier connections. It counts against the window of
  /// the new connection, which gets the acks for it.
  std::uint32_t waiting_bytes = 0;
  std::uint32_t waiting_packets = 0;
  friend bool operator==(const open&, const open&) = default;
};

// -- DC to client ---------------------------------------------------------------------------------

/// The stream is over.
struct refused {
  refusal why = refusal::no_conn;
  friend bool operator==(const refused&, const refused&) = default;
};
/// The DC confirmed a packet before answering it.
struct quick_ack {
  std::uint32_t confirm = 0;
  friend bool operator==(const quick_ack&, const quick_ack&) = default;
};
/// The DC connection is closing. The stream is over; the client may open another one.
struct migrate {
  /// How long answers may have been lost before: set where a link between nodes ended. It does not
  /// cross a link.
  std::chrono::milliseconds deaf{0};
  friend bool operator==(const migrate&, const migrate&) = default;
};

// -- both ways ------------------------------------------------------------------------------------

/// One packet.
struct data {
  packet_buffer packet;
  /// From a client: it wants a quick ack.
  bool quick_ack = false;
  /// The account on which it waits in a mailbox; a link does not carry it.
  byte_claim claim = {};
  friend bool operator==(const data&, const data&) = default;
};
/// This much `data` has left the receiver's socket.
struct ack {
  std::uint32_t size = 0;
  std::uint32_t packets = 0;
  friend bool operator==(const ack&, const ack&) = default;
};
/// The stream is over: the client left, or the DC (or a limit) wants it closed.
struct close {
  friend bool operator==(const close&, const close&) = default;
};

}  // namespace stream

}  // namespace mtp
