// "full" framing of the RPC connection to a middle proxy: length, sequence number, body, CRC; and
// the filler words between frames that make up CBC blocks. Facts: doc/wire/rpc.md.
#pragma once

#include "codecs/base/bytes.hpp"
#include "codecs/base/error.hpp"
#include "codecs/base/packet_buffer.hpp"

namespace mtp {

/// Both directions count frames from here: nonce -2, handshake -1, then 0, 1, ...
inline constexpr std::int32_t full_first_seqno = -2;

/// A frame longer than this is refused before its bytes are waited for.
inline constexpr std::size_t max_full_frame = std::size_t{1} << 24;

/// Bytes a frame adds to its body: length, sequence number, CRC.
inline constexpr std::size_t full_overhead = 12;
/// The bytes in front of the body.
inline constexpr std::size_t full_header = 8;

/// A frame's checksum.
enum class checksum : std::uint8_t { crc32, crc32c };

/// One frame found at the front of a stream.
struct full_frame {
  /// A view into the input.
  byte_view body;
  /// Bytes of the input that the frame takes.
  std::size_t consumed = 0;
};

/// Bytes of whole filler words at the front of `in`. Any number may precede a frame.
[[nodiscard]] std::size_t filler_prefix(byte_view in) noexcept;

/// Reads frames in sequence. `verify` false skips the CRC (`mtp_full_check_crc32`).
class full_decoder {
 public:
  explicit full_decoder(bool verify = true) noexcept : verify_{verify} {}
  /// From the next frame on.
  void use(checksum kind) noexcept { checksum_ = kind; }
  /// The length of the frame at the front of `in`, as far as `in` tells. Errors: as `next`, but for
  /// the checksum's.
  [[nodiscard]] decoded<std::size_t> length(byte_view in) const;
  /// Reads the frame at the front of `in`, which has no filler there. Errors: `full_bad_length`
  /// (not a multiple of 4, below 12, above `max_full_frame`), `full_bad_seqno`, `full_bad_crc`. A
  /// result without a frame means that more bytes are needed.
  [[nodiscard]] decoded<full_frame> next(byte_view in);

 private:
  std::int32_t seqno_ = full_first_seqno;
  checksum checksum_ = checksum::crc32;
  bool verify_;
};

/// Writes frames in sequence.
class full_encoder {
 public:
  void use(checksum kind) noexcept { checksum_ = kind; }
  /// Appends a frame whose body is the concatenation of `head` and `tail`; the sum of their sizes
  /// must be a multiple of 4. The caller fills up blocks with `pad_to_block`, once per flush.
  void encode(byte_view head, byte_view tail, bytes& into);
  /// The same around `tail`, in the room it has: it becomes the frame.
  void encode(byte_view head, packet_buffer& tail);

 private:
  std::int32_t seqno_ = full_first_seqno;
  checksum checksum_ = checksum::crc32;
};

/// Appends filler words until the bytes from `from` on are a multiple of the AES block. A reader
/// skips them.
void pad_to_block(bytes& into, std::size_t from);
/// The same for a whole buffer; it needs at most 12 bytes of its back room.
void pad_to_block(packet_buffer& into);

}  // namespace mtp
