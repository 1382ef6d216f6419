// Handshakes that another front says it has seen. What is read was used at a time that can be, and
// is written back byte for byte if nothing was left out.
#include "codecs/node_link/seen_batch.hpp"

#include "tests/fuzz/fuzz.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t now = 1'800'000'000;
  const mtp::byte_view in{data, size};
  const auto read = mtp::decode_seen_batch(in, now);
  const bool has_size = size > 0 && size % mtp::seen_record_size == 0 &&
                        size <= mtp::max_seen_records * mtp::seen_record_size;
  FUZZ_REQUIRE(read.has_value() == has_size);
  if (!read) return 0;
  FUZZ_REQUIRE(read->records.size() + read->too_old == size / mtp::seen_record_size);
  for (const auto& record : read->records)
    FUZZ_REQUIRE(record.used <= now && record.used >= now - mtp::max_seen_age);
  if (read->too_old > 0) return 0;
  FUZZ_REQUIRE(std::ranges::equal(mtp::encode_seen_batch(read->records, now), in));
  return 0;
}
