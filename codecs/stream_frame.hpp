// Events of a client's stream between its handler and its DC connection, and how a batch of them
// travels between nodes. Inside one node the same structs are passed as they are.
// Facts: doc/wire/node_link.md.
#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "codecs/byte_claim.hpp"
#include "codecs/dc_list.hpp"
#include "codecs/rpc.hpp"

namespace mtp {

/// Names a client's stay on one DC connection. Unique in its process, never reused.
using stream_id = std::uint64_t;

/// Why a stream was not opened, or why data was sent back.
enum class refusal : std::uint8_t {
  /// No connection to the DC came up in time.
  no_link,
  /// Too many clients wait for a connection to the DC.
  overloaded,
  /// The DC connection is closing; the data was not sent.
  migrating,
  /// Too much waits for the client: it is closed at once, and that is dropped.
  too_slow,
};
inline constexpr std::array<std::string_view, 4> refusal_names{"no_link", "overloaded", "mid_send",
                                                               "too_slow"};
static_assert(refusal_names.size() == static_cast<std::size_t>(refusal::too_slow) + 1);
[[nodiscard]] constexpr std::string_view to_string(refusal why) noexcept {
  return refusal_names[static_cast<std::size_t>(why)];
}

namespace stream {

// -- client to DC ---------------------------------------------------------------------------------

/// Asks for a DC connection. Answered by `opened` or `refused`.
struct open {
  dc_id dc = 0;
  endpoint client;
  transport kind = transport::padded;
  std::optional<rpc::ad_tag> tag;
  /// The client left a dying connection and had nothing in flight.
  bool migrating = false;
  /// What still waits for the client from its earlier connections. It counts against the window of
  /// this one, which gets the acks.
  std::uint32_t waiting_bytes = 0;
  std::uint32_t waiting_packets = 0;
  friend bool operator==(const open&, const open&) = default;
};

// -- DC to client ---------------------------------------------------------------------------------

/// The stream is on a DC connection: data may be sent.
struct opened {
  friend bool operator==(const opened&, const opened&) = default;
};
/// The stream is over.
struct refused {
  refusal why = refusal::no_link;
  friend bool operator==(const refused&, const refused&) = default;
};
/// The DC confirmed a packet before answering it.
struct quick_ack {
  std::uint32_t confirm = 0;
  friend bool operator==(const quick_ack&, const quick_ack&) = default;
};
/// The DC connection is closing. The stream is over; the client may open another one.
struct migrate {
  friend bool operator==(const migrate&, const migrate&) = default;
};

// -- both ways ------------------------------------------------------------------------------------

/// One packet.
struct data {
  packet_buffer packet;
  /// From a client: it wants a quick ack.
  bool quick_ack = false;
  /// On whose account it waits in a mailbox; nothing that a link carries.
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

using event = std::variant<open, opened, refused, quick_ack, migrate, data, ack, close>;

}  // namespace stream

struct stream_frame {
  stream_id stream = 0;
  stream::event event;
  friend bool operator==(const stream_frame&, const stream_frame&) = default;
};

/// Frames of one link session, batched. Blobs of another session are dropped whole.
struct stream_blob {
  std::uint64_t session = 0;
  std::vector<stream_frame> frames;
  friend bool operator==(const stream_blob&, const stream_blob&) = default;
};

/// A larger blob, or a packet that would not fit in one, is refused before it is copied.
inline constexpr std::size_t max_stream_blob = (std::size_t{1} << 24) + 4096;

/// Starts a blob.
void begin_stream_blob(std::uint64_t session, bytes& out);
/// Appends a frame to a blob.
void encode_stream_frame(const stream_frame& frame, bytes& out);
/// Error: `bad_stream_frame` (cut short, unknown kind or value, over `max_stream_blob`).
[[nodiscard]] result<stream_blob> decode_stream_blob(byte_view blob);

}  // namespace mtp
