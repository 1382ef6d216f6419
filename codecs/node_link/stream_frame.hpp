// What crosses a link between nodes: frames of clients' streams, and the encoding of a batch of
// them. Facts: doc/wire/node_link.md.
#pragma once

#include <variant>

#include "codecs/base/field_reader.hpp"
#include "codecs/node_link/stream_events.hpp"

namespace mtp {

namespace stream {

/// The stream is on a connection of this DC: data may be sent.
struct opened {
  dc_id dc = 0;
  friend bool operator==(const opened&, const opened&) = default;
};

/// An event's place here is its kind on the wire.
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
