// Handshakes that a front has seen, on their way to other fronts.
//
//   batch    1 to 1024 records
//   record  12  the fingerprint; its highest bit: whether the handshake is kept for longer
//            4  how many seconds ago it was used
//
// Numbers are little-endian. An age and not a time: the clocks of nodes may differ, and no age is
// in the future. Facts: doc/wire/node_link.md.
#pragma once

#include <span>
#include <vector>

#include "codecs/base/error.hpp"
#include "codecs/client/replay_record.hpp"

namespace mtp {

inline constexpr std::size_t seen_record_size = 16;
inline constexpr std::size_t max_seen_records = 1024;
/// Seconds after which no front remembers a handshake of another one.
inline constexpr std::int64_t max_seen_age = std::int64_t{30} * 24 * 3600;

/// Requires at most `max_seen_records`. `now`: seconds since the epoch; of a handshake that was
/// used later the age is 0.
[[nodiscard]] bytes encode_seen_batch(std::span<const replay_record> records, std::int64_t now);

struct seen_batch {
  /// None was used after `now`, or longer ago than `max_seen_age`.
  std::vector<replay_record> records;
  /// How many were left out, as they are older.
  std::size_t too_old = 0;
};
/// Error: `bad_seen_batch`, for a size that no batch has.
[[nodiscard]] result<seen_batch> decode_seen_batch(byte_view batch, std::int64_t now);

}  // namespace mtp
