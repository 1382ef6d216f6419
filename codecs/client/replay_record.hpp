// Fingerprints of handshakes, and the records of the file that keeps them over a restart.
//
// The file is a header and records of one size, so that a damaged record costs only itself:
//
//   header  8  "mtp-seen"
//           4  version: 1
//           4  CRC-32C of the 12 bytes before
//   record 12  the fingerprint; its highest bit: whether the handshake is kept for longer
//           4  minutes since the epoch when it was used, rounded up
//           4  CRC-32C of the 16 bytes before
//
// Numbers are little-endian. doc/adr/0019-replay-memory.md says why it is like that.
#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "codecs/base/bytes.hpp"
#include "codecs/base/crypto.hpp"

namespace mtp {

/// 95 bits that tell handshakes apart; the highest bit of the last byte is 0.
using replay_fingerprint = std::array<std::uint8_t, 12>;

/// The fingerprint of a handshake that was made with `secret`. `material` tells handshakes apart:
/// key and IV of a header (bytes 8..55), or the digest in a ClientHello, never its clock. Without
/// the secret a fingerprint can't be matched with a recorded handshake.
[[nodiscard]] replay_fingerprint fingerprint_of(const secret16& secret, byte_view material);

/// A handshake that was used.
struct replay_record {
  replay_fingerprint fingerprint{};
  /// When, in seconds since the epoch.
  std::int64_t used = 0;
  /// It is remembered for longer than others.
  bool lasting = false;

  friend bool operator==(const replay_record&, const replay_record&) = default;
};

inline constexpr std::size_t replay_header_size = 16;
inline constexpr std::size_t replay_record_size = 20;

[[nodiscard]] std::array<std::uint8_t, replay_header_size> encode_replay_header();

enum class replay_header : std::uint8_t { good, unknown, other_version };
/// What a file begins with; `unknown` if it is shorter than a header, or damaged there.
[[nodiscard]] replay_header read_replay_header(byte_view file) noexcept;

/// Appends a record. Its time is rounded up to a minute: a file shows no more of when clients came
/// than it must.
void encode_replay_record(const replay_record& record, bytes& into);
/// Hands the records to `found`; returns how many. Damaged ones are left out, and so is a part of
/// one at the end.
std::size_t decode_replay_records(byte_view records,
                                  const std::function<void(const replay_record&)>& found);

}  // namespace mtp
