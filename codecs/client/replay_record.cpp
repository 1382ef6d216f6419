#include "codecs/client/replay_record.hpp"

#include <algorithm>
#include <limits>

namespace mtp {

namespace {

constexpr std::string_view magic = "mtp-seen";
constexpr std::uint32_t version = 1;
constexpr std::size_t checksum_size = 4;
constexpr std::int64_t minute = 60;
constexpr std::uint8_t lasting_bit = 0x80;

/// Whether the last 4 of `size` bytes are the checksum of the others.
bool is_intact(byte_view in, std::size_t size) noexcept {
  const auto covered = size - checksum_size;
  return crc32c(in.first(covered)) == load_le<std::uint32_t>(in.subspan(covered));
}

/// The first record, which is intact.
replay_record record_in(byte_view in) noexcept {
  replay_record record;
  constexpr auto size = std::tuple_size_v<replay_fingerprint>;
  std::ranges::copy(in.first(size), record.fingerprint.begin());
  record.lasting = (record.fingerprint.back() & lasting_bit) != 0;
  record.fingerprint.back() &= static_cast<std::uint8_t>(~lasting_bit);
  record.used = load_le<std::uint32_t>(in.subspan(size)) * minute;
  return record;
}

}  // namespace

replay_fingerprint fingerprint_of(const secret16& secret, byte_view material) {
  const auto digest = sha256({as_bytes("replay"), secret, material});
  replay_fingerprint fingerprint;
  std::copy_n(digest.begin(), fingerprint.size(), fingerprint.begin());
  fingerprint.back() &= static_cast<std::uint8_t>(~lasting_bit);
  return fingerprint;
}

std::array<std::uint8_t, replay_header_size> encode_replay_header() {
  std::array<std::uint8_t, replay_header_size> header{};
  const byte_span at{header};
  copy_bytes(at, as_bytes(magic));
  store_le(at.subspan(magic.size()), version);
  constexpr auto covered = replay_header_size - checksum_size;
  store_le(at.subspan(covered), crc32c(at.first(covered)));
  return header;
}

replay_header read_replay_header(byte_view file) noexcept {
  if (file.size() < replay_header_size || !is_intact(file, replay_header_size) ||
      as_text(file.first(magic.size())) != magic)
    return replay_header::unknown;
  return load_le<std::uint32_t>(file.subspan(magic.size())) == version
             ? replay_header::good
             : replay_header::other_version;
}

void encode_replay_record(const replay_record& record, bytes& into) {
  const auto begin = into.size();
  append(into, record.fingerprint);
  if (record.lasting) into.back() |= lasting_bit;
  constexpr std::int64_t last_minute = std::numeric_limits<std::uint32_t>::max();
  const auto minutes =
      std::clamp<std::int64_t>((record.used + minute - 1) / minute, 0, last_minute);
  append_le(into, static_cast<std::uint32_t>(minutes));
  append_le(into, crc32c(byte_view{into}.subspan(begin)));
}

std::size_t decode_replay_records(byte_view records,
                                  const std::function<void(const replay_record&)>& found) {
  std::size_t good = 0;
  for (; records.size() >= replay_record_size; records = records.subspan(replay_record_size)) {
    if (!is_intact(records, replay_record_size)) continue;
    found(record_in(records));
    ++good;
  }
  return good;
}

}  // namespace mtp
