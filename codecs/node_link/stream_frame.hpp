// Events of a client's stream between its client_conn and its DC connection, and the encoding of a
// batch of them between nodes. Inside a node the same structs are passed as they are. Facts:
// doc/wire/node_link.md.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>
#include <variant>

#include "codecs/base/byte_claim.hpp"
#include "codecs/base/dc_id.hpp"
#include "codecs/base/field_reader.hpp"
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

/// Asks for a DC connection. Answered by `opened` or `refused`.
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

/// The stream is on a connection of this DC: data may be sent.
struct opened {
  dc_id dc = 0;
  friend bool operator==(const opened&, const opened&) = default;
};
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

using event = std::variant<open, opened, refused, quick_ack, migrate, data, ack, close>;

}  // namespace stream

struct stream_frame {
  stream_id stream = 0;
  stream::event event;
  friend bool operator==(const stream_frame&, const stream_frame&) = default;
};

/// A packet that is too large for one frame crosses a link in pieces, which are joined there
/// (codecs/node_link/link_channel.hpp); no other code sees them. The bytes are in the blob.
struct stream_part {
  /// Of the whole packet.
  std::uint32_t total = 0;
  bool quick_ack = false;
  byte_view content;
};

/// The start of a blob of frames.
struct stream_blob_header {
  std::uint64_t session = 0;
  /// Bytes of packets that the sender of this blob has taken from its peer in this session, in all.
  std::uint64_t taken = 0;
  friend bool operator==(const stream_blob_header&, const stream_blob_header&) = default;
};
inline constexpr std::size_t stream_blob_header_size = 16;

/// A larger blob is refused unread.
inline constexpr std::size_t max_stream_blob = std::size_t{256} * 1024;
/// A larger packet in pieces is refused: no packet from Telegram or a client is that large.
inline constexpr std::size_t max_parted_packet = std::size_t{1} << 24;

/// Starts a blob.
void begin_stream_blob(const stream_blob_header& header, bytes& into);
/// Appends a frame to a blob. Packets are written whole.
void encode_stream_frame(const stream_frame& frame, bytes& into);
void encode_stream_part(stream_id stream, const stream_part& part, bytes& into);

/// Reads a blob frame by frame; the blob must stay in place meanwhile.
class stream_blob_reader {
 public:
  explicit stream_blob_reader(byte_view blob) noexcept;

  /// Zeros if the blob is too short or too long for one: then `next` fails.
  [[nodiscard]] const stream_blob_header& header() const noexcept { return header_; }

  struct item {
    stream_id stream = 0;
    std::variant<stream::event, stream_part> content;
  };
  /// Nothing at the end. Error: `bad_stream_frame` (cut short, unknown kind or value, a part larger
  /// than its packet or empty).
  [[nodiscard]] decoded<item> next();

 private:
  field_reader in_;
  stream_blob_header header_;
};

}  // namespace mtp
