// A stored profile: number and kind of a client, then a text. Whatever is read is written as the
// same text again, and gives a flight that clients accept.
#include "codecs/client/cover_profile_text.hpp"

#include "tests/fuzz/fuzz.hpp"

namespace {

mtp::client_hello client_of(std::uint8_t kind) {
  mtp::client_hello hello{.random = {},
                          .session_id = mtp::bytes(32),
                          .grease = (kind & 1) != 0,
                          .x25519 = true,
                          .x25519_mlkem768 = (kind & 2) != 0};
  for (int i = 0; i < (kind >> 2 & 3); ++i)
    hello.suites.push_back(static_cast<std::uint16_t>(0x1301 + ((kind >> 4) + i) % 3));
  return hello;
}

void check_plan(const mtp::cover_profile& profile, std::uint8_t kind, std::uint32_t random) {
  const auto hello = client_of(kind);
  const auto plan = mtp::plan_server_flight(profile, hello, random);
  FUZZ_REQUIRE(hello.suites.empty() ? plan.suite == 0x1301 : hello.suites.contains(plan.suite));
  FUZZ_REQUIRE(plan.group == 0x001d || (plan.group == 0x11ec && hello.x25519_mlkem768));
  FUZZ_REQUIRE(plan.encrypted_size >= 1 && plan.encrypted_size <= mtp::max_encrypted_flight);
  for (const auto flaw : mtp::flaws_of(profile))
    FUZZ_REQUIRE(!mtp::explain(flaw).empty());
}

void read(std::string_view text, std::uint8_t kind, std::uint32_t random) {
  const auto profile = mtp::parse_cover_profile(text);
  if (!profile) {
    FUZZ_REQUIRE(profile.error() == mtp::errc::bad_cover_profile);
    return;
  }
  FUZZ_REQUIRE(mtp::to_text(*profile) == text);
  check_plan(*profile, kind, random);
}

/// The text with a checksum that is right.
std::string with_checksum(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string whole{text};
  whole.append("crc32c ");
  const auto sum = mtp::crc32c(mtp::as_bytes(text));
  for (int shift = 28; shift >= 0; shift -= 4)
    whole.push_back(digits[sum >> shift & 15U]);
  return whole.append("\n");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  mtp::byte_view in{data, size};
  const auto random = mtp::fuzz::take_byte(in);
  const auto kind = mtp::fuzz::take_byte(in);
  read(mtp::as_text(in), kind, random);
  read(with_checksum(mtp::as_text(in)), kind, random);
  return 0;
}
