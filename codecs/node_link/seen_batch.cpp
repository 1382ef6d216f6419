#include "codecs/node_link/seen_batch.hpp"

#include <algorithm>
#include <limits>

namespace mtp {

namespace {

constexpr std::uint8_t lasting_bit = 0x80;
constexpr std::size_t fingerprint_size = std::tuple_size_v<replay_fingerprint>;
static_assert(seen_record_size == fingerprint_size + sizeof(std::uint32_t));

}  // namespace

bytes encode_seen_batch(std::span<const replay_record> records, std::int64_t now) {
  constexpr std::int64_t oldest = std::numeric_limits<std::uint32_t>::max();
  bytes batch;
  batch.reserve(records.size() * seen_record_size);
  for (const auto& record : records) {
    append(batch, record.fingerprint);
    if (record.lasting) batch.back() |= lasting_bit;
    const auto age = std::clamp<std::int64_t>(now - record.used, 0, oldest);
    append_le(batch, static_cast<std::uint32_t>(age));
  }
  return batch;
}

result<seen_batch> decode_seen_batch(byte_view batch, std::int64_t now) {
  if (batch.empty() || batch.size() % seen_record_size != 0 ||
      batch.size() > max_seen_records * seen_record_size)
    return fail(errc::bad_seen_batch);
  seen_batch found;
  found.records.reserve(batch.size() / seen_record_size);
  for (; !batch.empty(); batch = batch.subspan(seen_record_size)) {
    const std::int64_t age{load_le<std::uint32_t>(batch.subspan(fingerprint_size))};
    if (age > max_seen_age) {
      ++found.too_old;
      continue;
    }
    auto& record = found.records.emplace_back();
    std::ranges::copy(batch.first(fingerprint_size), record.fingerprint.begin());
    record.lasting = (record.fingerprint.back() & lasting_bit) != 0;
    record.fingerprint.back() &= static_cast<std::uint8_t>(~lasting_bit);
    record.used = now - age;
  }
  return found;
}

}  // namespace mtp
