#include "codecs/node_link/seen_batch.hpp"

#include <numeric>

#include "codecs/base/text.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::check_property;

constexpr std::int64_t now = 1'800'000'000;

replay_fingerprint counting_from(std::uint8_t first) {
  replay_fingerprint numbers;
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

TEST_CASE("seen batch: a fingerprint, how long it is kept, and its age") {
  const std::vector<replay_record> seen{
      {.fingerprint = counting_from(0x10), .used = now - 258},
      {.fingerprint = counting_from(0x20), .used = now, .lasting = true}};
  const auto batch = encode_seen_batch(seen, now);
  CHECK(to_hex(batch) ==
        "101112131415161718191a1b"  // fingerprint
        "02010000"                  // 258 s ago
        "202122232425262728292aab"  // fingerprint, and the highest bit
        "00000000");
  const auto got = decode_seen_batch(batch, now);
  REQUIRE(got);
  CHECK(got->records == seen);
  CHECK(got->too_old == 0);
  // The other node's clock does not matter.
  CHECK(decode_seen_batch(batch, 1000)->records[0].used == 1000 - 258);
}

TEST_CASE("seen batch: no time is in the future, and none is absurd") {
  const auto fingerprint = counting_from(0);
  const auto age_of = [&](std::int64_t used) {
    const std::vector<replay_record> seen{{.fingerprint = fingerprint, .used = used}};
    return load_le<std::uint32_t>(byte_view{encode_seen_batch(seen, now)}.subspan(12));
  };
  CHECK(age_of(now + 3600) == 0);
  CHECK(age_of(now - (std::int64_t{1} << 40)) == 0xffff'ffff);
  const auto read_with_age = [&](std::uint32_t age) {
    auto batch = to_bytes(fingerprint);
    append_le(batch, age);
    return decode_seen_batch(batch, now).value();
  };
  CHECK(read_with_age(max_seen_age).records.at(0).used == now - max_seen_age);
  CHECK(read_with_age(max_seen_age + 1).records.empty());
  CHECK(read_with_age(max_seen_age + 1).too_old == 1);
  CHECK(read_with_age(0xffff'ffff).too_old == 1);
}

TEST_CASE("seen batch: other sizes are refused") {
  const std::vector<replay_record> most(max_seen_records);
  const auto batch = encode_seen_batch(most, now);
  CHECK(decode_seen_batch(batch, now)->too_old == max_seen_records);
  auto longer = batch;
  longer.resize(batch.size() + seen_record_size);
  for (const auto& bad : {bytes{}, longer, test::start_of(batch, batch.size() - 1),
                          test::start_of(batch, 1), test::start_of(batch, 17)}) {
    const auto got = decode_seen_batch(bad, now);
    REQUIRE_FALSE(got);
    CHECK(got.error() == errc::bad_seen_batch);
  }
}

TEST_CASE("seen batch: what is written is read again") {
  check_property([] {
    std::vector<replay_record> seen;
    for (auto [fingerprint, age, lasting] :
         *rc::gen::nonEmpty<std::vector<std::tuple<replay_fingerprint, std::uint16_t, bool>>>()) {
      fingerprint.back() &= 0x7f;
      seen.push_back({.fingerprint = fingerprint, .used = now - age, .lasting = lasting});
    }
    const auto got = decode_seen_batch(encode_seen_batch(seen, now), now);
    RC_ASSERT(got.has_value());
    RC_ASSERT(got->records == seen);
  });
}

}  // namespace
}  // namespace mtp
