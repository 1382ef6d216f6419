// The three ways in which Telegram clients cut a stream into packets (inside obfuscated2).
// Facts: doc/wire/client_transports.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "codecs/base/bytes.hpp"
#include "codecs/base/error.hpp"
#include "codecs/base/packet_buffer.hpp"

namespace mtp {

/// How a client frames its packets; the tag in its header says it.
enum class framing : std::uint8_t {
  /// 1 or 4 bytes of length in words. Tag ef ef ef ef.
  abridged,
  /// 4 bytes of length. Tag ee ee ee ee.
  intermediate,
  /// As intermediate, with a random tail counted in the length. Tag dd dd dd dd.
  padded,
};

/// The name users know from `allowed_protocols`: mtp_abridged, mtp_intermediate, mtp_secure.
[[nodiscard]] std::string_view to_string(framing kind) noexcept;

/// A packet at or above this many bytes is refused before its bytes are waited for.
inline constexpr std::size_t max_client_packet = std::size_t{1024} * 1024;

/// Random tail bytes a padded frame to a client carries: 0 up to this many.
inline constexpr std::size_t max_padding = 3;

/// The longest header in front of a packet.
inline constexpr std::size_t max_frame_header = 4;

/// One frame found at the front of a decrypted stream.
struct client_frame {
  /// The packet: a view into the input, always a multiple of 4 bytes, without the padded tail.
  byte_view packet;
  /// Bytes of the input that the frame takes, header and tail included.
  std::size_t consumed = 0;
  /// The client wants a quick ack for this packet.
  bool quick_ack = false;
};

/// The content of a frame's header.
struct client_frame_header {
  /// Bytes in front of the packet, of the packet, and of the whole frame with its tail.
  std::size_t header = 0;
  std::size_t packet = 0;
  std::size_t total = 0;
  bool quick_ack = false;
};

/// Reads the header at the front of `in`: `max_frame_header` bytes are enough. Errors as
/// `decode_frame`. A result without a header means that more bytes are needed.
[[nodiscard]] decoded<client_frame_header> decode_frame_header(
    framing kind, byte_view in, std::size_t limit = max_client_packet);

/// The frame that has `header`, if all of it is in `in`.
[[nodiscard]] decoded<client_frame> cut_frame(const decoded<client_frame_header>& header,
                                              byte_view in);

/// Reads the frame at the front of `in`. Errors: `abridged_max_size`, `intermediate_max_size`
/// (announced size not below `limit`; nothing is buffered for it), `not_aligned`.
[[nodiscard]] decoded<client_frame> decode_frame(framing kind, byte_view in,
                                                 std::size_t limit = max_client_packet);

/// Appends `packet` as one frame. `packet` is a multiple of 4 bytes, below 2^26 in abridged and
/// 2^31 otherwise. `padding`, for padded only, is the random tail: a server sends at most
/// `max_padding` bytes, a client up to 15.
void encode_frame(framing kind, byte_view packet, byte_view padding, bytes& into);

/// Writes the header that `encode_frame` puts in front of a packet of `size` bytes and a tail of
/// `padding`, into the room in front of it. The caller appends the tail.
void encode_frame_header(framing kind, std::size_t padding, packet_buffer& packet);

/// Appends a client's frame that asks for a quick ack; otherwise as `encode_frame`.
void encode_frame_asking_ack(framing kind, byte_view packet, byte_view padding, bytes& into);

/// Appends the quick ack `confirm` (bit 31 set) to a client: 4 bare bytes, reversed in abridged.
void encode_quick_ack(framing kind, std::uint32_t confirm, bytes& into);

/// What a client finds at the front of its stream: a quick ack, if bit 31 of a length says so.
struct server_frame {
  /// The packet; empty for a quick ack. Padded: the tail's whole words are still there.
  byte_view packet;
  std::size_t consumed = 0;
  /// Set for a quick ack: the confirmed token.
  std::optional<std::uint32_t> confirm;
};

/// The client's side of `encode_frame` and `encode_quick_ack`. Errors as `decode_frame`.
[[nodiscard]] decoded<server_frame> decode_server_frame(framing kind, byte_view in,
                                                        std::size_t limit);

}  // namespace mtp
