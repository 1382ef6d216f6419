#include "codecs/client/cover_profile_text.hpp"

#include "codecs/base/crypto.hpp"
#include "codecs/base/text.hpp"
#include "tests/codecs/client/cover_profiles.hpp"

namespace mtp {
namespace {

using test::any_profile;
using test::check_property;

// The checksum was computed apart.
constexpr std::string_view stored =
    "mtproto-proxy cover profile 1\n"
    "site www.example.com:443\n"
    "measured 1800000000\n"
    "sample browser tls13 0304 1301 11ec 0 1 1 0 002b,0033 27,1954,281,69\n"
    "sample browser none 0000 0000 0000 0 0 0 0 - -\n"
    "sample x25519_only alert 0000 0000 0000 112 0 0 0 - -\n"
    "sample no_grease hello_retry_request 0304 1302 0018 0 0 0 0 002b,0033 -\n"
    "crc32c a35dc8e7\n";

cover_profile stored_profile() {
  cover_profile profile{.site = "www.example.com:443", .measured = 1'800'000'000};
  add_sample(profile, hello_shape::browser,
             {.kind = flight_kind::tls13,
              .version = 0x0304,
              .suite = 0x1301,
              .group = 0x11ec,
              .session_id_echoed = true,
              .change_cipher_spec = true,
              .extensions = {0x002b, 0x0033},
              .records = {27, 1954, 281, 69}});
  add_sample(profile, hello_shape::browser, {});
  add_sample(profile, hello_shape::x25519_only, {.kind = flight_kind::alert, .alert = 112});
  add_sample(profile, hello_shape::no_grease,
             {.kind = flight_kind::hello_retry_request,
              .version = 0x0304,
              .suite = 0x1302,
              .group = 0x0018,
              .extensions = {0x002b, 0x0033}});
  return profile;
}

/// `text` with its last line made anew, so that not the checksum refuses it.
std::string with_checksum(std::string text) {
  text.resize(text.size() - 16);
  std::array<std::uint8_t, 4> sum;
  store_le(sum, crc32c(as_bytes(text)));
  std::ranges::reverse(sum);
  return text + "crc32c " + to_hex(sum) + "\n";
}

std::string replaced(std::string_view from, std::string_view to) {
  std::string text{stored};
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return with_checksum(text.replace(at, from.size(), to));
}

void check_refused(std::string_view text) {
  const auto got = parse_cover_profile(text);
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::bad_cover_profile);
}

TEST_CASE("profile text: written and read") {
  CHECK(to_text(stored_profile()) == stored);
  const auto got = parse_cover_profile(stored);
  REQUIRE(got);
  CHECK(*got == stored_profile());
}

TEST_CASE("profile text: one that was not written whole is refused") {
  for (std::size_t size = 0; size < stored.size(); ++size)
    check_refused(std::string{stored.substr(0, size)});
  check_refused(std::string{stored} + "\n");
}

TEST_CASE("profile text: one with any bit changed is refused") {
  for (std::size_t at = 0; at < stored.size(); ++at) {
    std::string text{stored};
    text[at] = static_cast<char>(text[at] ^ 1);
    check_refused(text);
  }
}

TEST_CASE("profile text: with a right checksum, every word must be one of ours") {
  CHECK(parse_cover_profile(replaced("1800000000", "1800000001")));
  check_refused(replaced("profile 1", "profile 2"));
  check_refused(replaced("site www.example.com:443", "site www example.com"));
  check_refused(replaced("site www.example.com:443", "site " + std::string(256, 'a')));
  check_refused(replaced("site ", "sight "));
  check_refused(replaced("1800000000", "01800000000"));
  check_refused(replaced("1800000000", "18446744073709551616"));
  check_refused(replaced("1800000000", "-1"));
  check_refused(replaced("sample browser tls13", "sample brow tls13"));
  check_refused(replaced("tls13", "tls14"));
  check_refused(replaced("1301", "01301"));
  check_refused(replaced("11ec", "11EC"));
  check_refused(replaced("11ec 0", "11ec 256"));
  check_refused(replaced("1 1 0 002b", "1 2 0 002b"));
  check_refused(replaced("27,1954", "27,,1954"));
  check_refused(replaced("27,1954", "27,1954,"));
  check_refused(replaced("27,1954", "65536"));
  check_refused(replaced("002b,0033 27", "002b 0033 27"));
  check_refused(replaced("sample browser none", "sample  browser none"));
  // In another order than ours: shapes, and more samples than are kept.
  check_refused(replaced("sample browser none", "sample no_grease none"));
  std::string many;
  for (int i = 0; i < 17; ++i)
    many += "sample browser none 0000 0000 0000 0 0 0 0 - -\n";
  check_refused(replaced("sample browser none 0000 0000 0000 0 0 0 0 - -\n", many));
}

TEST_CASE("profile text: a file of more than 64 KiB is refused") {
  check_refused(replaced("1800000000", "1800000000" + std::string(max_cover_profile_text, ' ')));
}

TEST_CASE("profile text: what was written is read again") {
  check_property([] {
    const auto profile = *any_profile();
    const auto text = to_text(profile);
    RC_ASSERT(text.size() <= max_cover_profile_text);
    const auto got = parse_cover_profile(text);
    RC_ASSERT(got.has_value());
    RC_ASSERT(*got == profile);
  });
}

}  // namespace
}  // namespace mtp
