#include "codecs/client/mlkem768_key.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::check_property;
using test::noise;

mlkem768_key key_of(const bytes& random) {
  return make_mlkem768_key(std::span<const std::uint8_t, mlkem768_random_size>{random});
}

/// ByteDecode12 of FIPS 203: 12 bits at a time, the low ones first.
std::vector<std::uint32_t> coefficients_of(byte_view key) {
  std::vector<std::uint32_t> found;
  for (std::size_t bit = 0; bit < std::size_t{768} * 12; bit += 12) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 12; ++i)
      value |= (key[(bit + i) / 8] >> (bit + i) % 8 & 1U) << i;
    found.push_back(value);
  }
  return found;
}

TEST_CASE("ML-KEM key: two coefficients in three bytes, then rho") {
  bytes random(mlkem768_random_size);
  store_le<std::uint32_t>(random, 0xffffffff);                           // 3328 = 0xd00
  store_le<std::uint32_t>(byte_span{random}.subspan(4), 0x80000000);     // half of 3329: 0x680
  store_le<std::uint32_t>(byte_span{random}.subspan(4 * 767), 1290167);  // just below 1 / 3329: 0
  store_le<std::uint32_t>(byte_span{random}.subspan(4 * 766), 1290168);  // just above: 1
  random[std::size_t{768} * 4] = 0xaa;                                   // rho
  random.back() = 0xbb;
  const auto key = key_of(random);
  CHECK(bytes(key.begin(), key.begin() + 6) == bytes{0x00, 0x0d, 0x68, 0, 0, 0});
  CHECK(bytes(key.begin() + 1149, key.begin() + 1154) == bytes{0x01, 0x00, 0x00, 0xaa, 0x00});
  CHECK(key.back() == 0xbb);
}

TEST_CASE("ML-KEM key: every coefficient is below 3329") {
  check_property([] {
    auto random = noise(mlkem768_random_size, *rc::gen::arbitrary<std::uint64_t>());
    if (*rc::gen::arbitrary<bool>()) std::ranges::fill(random, std::uint8_t{0xff});
    const auto key = key_of(random);
    const auto coefficients = coefficients_of(key);
    RC_ASSERT(coefficients.size() == 768U);
    RC_ASSERT(std::ranges::all_of(coefficients, [](auto value) { return value < 3329; }));
    RC_ASSERT(std::ranges::equal(byte_view{key}.last(32), byte_view{random}.last(32)));
  });
}

TEST_CASE("ML-KEM key: coefficients are spread over all values") {
  // 13 ranges of 257 numbers: 590 of 7680 coefficients each, give or take 6 standard deviations.
  std::array<int, 13> counts{};
  for (std::uint64_t seed = 1; seed <= 10; ++seed)
    for (const auto value : coefficients_of(key_of(noise(mlkem768_random_size, seed))))
      ++counts.at(value / 257);
  for (const auto count : counts)
    CHECK(std::abs(count - 593) < 140);
}

}  // namespace
}  // namespace mtp
