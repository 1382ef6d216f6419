#include "codecs/client/replay_record.hpp"

#include <numeric>

#include "codecs/base/text.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::check_property;

std::vector<replay_record> read(byte_view records) {
  std::vector<replay_record> all;
  const auto good =
      decode_replay_records(records, [&](const auto& record) { all.push_back(record); });
  CHECK(good == all.size());
  return all;
}

bytes written(const std::vector<replay_record>& records) {
  bytes file;
  for (const auto& record : records)
    encode_replay_record(record, file);
  return file;
}

template <std::size_t N>
std::array<std::uint8_t, N> counting_from(std::uint8_t first) {
  std::array<std::uint8_t, N> numbers;
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

// Computed by Python's hashlib, and by a CRC-32C that goes bit by bit.

TEST_CASE("replay record: fingerprints are keyed by the secret") {
  const secret16 secret = counting_from<16>(0);
  const auto of_header = fingerprint_of(secret, counting_from<48>(0));
  const auto of_hello = fingerprint_of(secret, counting_from<28>(0));
  // SHA-256 of "replay", the secret and the material: its first 95 bits.
  CHECK(to_hex(of_header) == "bebbd79ae85237e4523f1c4e");
  CHECK(to_hex(of_hello) == "7c1bd2b7815d63ee842cc708");
  CHECK(fingerprint_of(secret16{}, counting_from<48>(0)) != of_header);
}

TEST_CASE("replay record: a file begins with its version") {
  const auto header = encode_replay_header();
  CHECK(to_hex(header) ==
        "6d74702d7365656e"  // "mtp-seen"
        "01000000"          // version
        "337b5ca2");        // CRC-32C
  CHECK(read_replay_header(header) == replay_header::good);
  CHECK(read_replay_header(byte_view{header}.first(15)) == replay_header::unknown);
  const auto next = from_hex(
      "6d74702d7365656e"
      "02000000"
      "0af27ec0");
  CHECK(read_replay_header(*next) == replay_header::other_version);
  for (std::size_t i = 0; i < header.size(); ++i) {
    auto damaged = header;
    damaged[i] ^= 0x10;
    CHECK(read_replay_header(damaged) == replay_header::unknown);
  }
}

TEST_CASE("replay record: times are rounded up to a minute") {
  const auto fingerprint = counting_from<12>(0x10);
  const auto usual = written({{.fingerprint = fingerprint, .used = 1'800'000'000}});
  CHECK(to_hex(usual) ==
        "101112131415161718191a1b"  // fingerprint
        "80c3c901"                  // 30'000'000 minutes
        "cf4ef7b9");                // CRC-32C
  const auto lasting =
      written({{.fingerprint = fingerprint, .used = 1'800'000'001, .lasting = true}});
  CHECK(to_hex(lasting) ==
        "101112131415161718191a9b"  // fingerprint, and the highest bit
        "81c3c901"                  // 30'000'001 minutes
        "2b31100a");                // CRC-32C
  CHECK(read(lasting) == std::vector<replay_record>{
                             {.fingerprint = fingerprint, .used = 1'800'000'060, .lasting = true}});
  // What a file system may leave after a power cut.
  CHECK(read(bytes(100 * replay_record_size)).empty());
}

/// As a file gives them back.
rc::Gen<std::vector<replay_record>> any_records() {
  return rc::gen::map(
      rc::gen::arbitrary<std::vector<std::tuple<replay_fingerprint, std::uint32_t, bool>>>(),
      [](const auto& all) {
        std::vector<replay_record> records;
        for (auto [fingerprint, minute, lasting] : all) {
          fingerprint.back() &= 0x7f;
          records.push_back(
              {.fingerprint = fingerprint, .used = std::int64_t{minute} * 60, .lasting = lasting});
        }
        return records;
      });
}

TEST_CASE("replay record: any start of a file has the first of its records") {
  check_property([] {
    const auto records = *any_records();
    const auto file = written(records);
    const auto size = *rc::gen::inRange<std::size_t>(0, file.size() + 1);
    const auto got = read(test::start_of(file, size));
    RC_ASSERT(got.size() == size / replay_record_size);
    RC_ASSERT(std::equal(got.begin(), got.end(), records.begin()));
  });
}

TEST_CASE("replay record: a damaged byte costs the record that it is in") {
  check_property([] {
    auto records = *rc::gen::nonEmpty(any_records());
    auto file = written(records);
    const auto place = *rc::gen::inRange<std::size_t>(0, file.size());
    file[place] ^= *rc::gen::inRange<std::uint8_t>(1, 255);
    records.erase(records.begin() + static_cast<std::ptrdiff_t>(place / replay_record_size));
    RC_ASSERT(read(file) == records);
  });
}

}  // namespace
}  // namespace mtp
