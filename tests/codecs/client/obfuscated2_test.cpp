#include "codecs/client/obfuscated2.hpp"

#include <algorithm>

#include "codecs/base/text.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::any_framing;
using test::check_property;
using namespace std::literals;

using header64 = std::array<std::uint8_t, obfuscated2_header_size>;

constexpr secret16 secret{0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7,
                          0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf};

/// The random bytes of the vector: 3, 10, 17, ...
header64 vector_random() {
  header64 header;
  for (std::size_t i = 0; i < header.size(); ++i)
    header[i] = static_cast<std::uint8_t>(7 * i + 3);
  return header;
}

// Computed apart, with hashlib and `openssl enc -aes-256-ctr`. The 64 bytes before encryption are
// the random ones, but for dd dd dd dd at 56 and fe ff (DC -2) at 60.
//   key to the server:   SHA256(header[8..40) + secret), iv: header[40..56)
//   key from the server: the same over header[8..56) reversed
constexpr header64 vector_header{
    0x03, 0x0a, 0x11, 0x18, 0x1f, 0x26, 0x2d, 0x34,  // random, not used
    0x3b, 0x42, 0x49, 0x50, 0x57, 0x5e, 0x65, 0x6c,  // key to the server: 32 bytes
    0x73, 0x7a, 0x81, 0x88, 0x8f, 0x96, 0x9d, 0xa4,  //
    0xab, 0xb2, 0xb9, 0xc0, 0xc7, 0xce, 0xd5, 0xdc,  //
    0xe3, 0xea, 0xf1, 0xf8, 0xff, 0x06, 0x0d, 0x14,  //
    0x1b, 0x22, 0x29, 0x30, 0x37, 0x3e, 0x45, 0x4c,  // its iv: 16 bytes
    0x53, 0x5a, 0x61, 0x68, 0x6f, 0x76, 0x7d, 0x84,  //
    0xab, 0x6d, 0xf2, 0x29,                          // encrypted: tag
    0x69, 0x4c, 0x52, 0x3b};                         // encrypted: DC and two random bytes

TEST_CASE("obfuscated2: a client's header, byte for byte") {
  auto client = make_obfuscated2(vector_random(), secret, framing::padded, -2);
  CHECK(client.header == vector_header);

  auto text = to_bytes(as_bytes("client says hello"));
  client.to_server.apply(text);
  CHECK(to_hex(text) == "8a227744acd2149175b5c0b9f36157a5f3");
}

TEST_CASE("obfuscated2: each transport has a tag of its own") {
  const std::pair<framing, std::uint8_t> tags[] = {
      {framing::abridged, 0xef}, {framing::intermediate, 0xee}, {framing::padded, 0xdd}};
  for (const auto& [kind, tag] : tags) {
    auto expected = vector_header;
    for (std::size_t at = 56; at < 60; ++at)
      expected[at] ^= 0xdd ^ tag;
    CHECK(make_obfuscated2(vector_random(), secret, kind, -2).header == expected);
    const auto session = accept_obfuscated2(expected, secret);
    REQUIRE(session);
    CHECK(session->kind == kind);
  }
}

TEST_CASE("obfuscated2: a server opens the header and both streams") {
  auto session = accept_obfuscated2(vector_header, secret);
  REQUIRE(session);
  CHECK(session->kind == framing::padded);
  CHECK(session->dc == -2);

  auto text = from_hex("8a227744acd2149175b5c0b9f36157a5f3").value();
  session->from_client.apply(text);
  CHECK(as_text(text) == "client says hello");

  text = to_bytes(as_bytes("server says hello"));
  session->to_client.apply(text);
  CHECK(to_hex(text) == "26fb5e527f4125af4147fde28cfcacd8a4");
}

TEST_CASE("obfuscated2: with another secret the header says nothing") {
  auto other = secret;
  other[15] ^= 1;
  const auto session = accept_obfuscated2(vector_header, other);
  REQUIRE_FALSE(session);
  CHECK(session.error() == errc::unknown_protocol);
}

TEST_CASE("obfuscated2: a tag that is not one byte four times is unknown") {
  for (std::size_t at = 56; at < 60; ++at) {
    auto header = vector_header;
    header[at] ^= 0xdd ^ 0xee;  // one byte of the tag becomes ee
    const auto session = accept_obfuscated2(header, secret);
    REQUIRE_FALSE(session);
    CHECK(session.error() == errc::unknown_protocol);
  }
}

TEST_CASE("obfuscated2: what the client made, the server opens, and both streams fit") {
  check_property([] {
    const auto key = *rc::gen::arbitrary<secret16>();
    const auto random = *rc::gen::arbitrary<header64>();
    const auto kind = *any_framing();
    const auto dc = *rc::gen::arbitrary<std::int16_t>();
    auto client = make_obfuscated2(random, key, kind, dc);
    RC_ASSERT(std::equal(random.begin(), random.begin() + 56, client.header.begin()));

    auto server = accept_obfuscated2(client.header, key);
    RC_ASSERT(server.has_value());
    RC_ASSERT(server->kind == kind);
    RC_ASSERT(server->dc == dc);

    for (const auto& text : *rc::gen::container<std::vector<bytes>>(any_bytes())) {
      auto up = text;
      client.to_server.apply(up);
      server->from_client.apply(up);
      RC_ASSERT(up == text);
      auto down = text;
      server->to_client.apply(down);
      client.from_server.apply(down);
      RC_ASSERT(down == text);
    }
  });
}

TEST_CASE("obfuscated2: the two streams of a connection have keys of their own") {
  auto client = make_obfuscated2(vector_random(), secret, framing::abridged, 1);
  bytes up(32);
  bytes down(32);
  client.to_server.apply(up);
  client.from_server.apply(down);
  CHECK(up != down);
}

TEST_CASE("obfuscated2: a header is not refused for how it starts") {
  for (const auto start : {"HEAD"sv, "POST"sv, "GET "sv, "OPTI"sv, "\xdd\xdd\xdd\xdd"sv,
                           "\xee\xee\xee\xee"sv, "\xef\xef\xef\xef"sv, "\x16\x03\x01\x02"sv}) {
    auto random = vector_random();
    std::ranges::copy(as_bytes(start), random.begin());
    std::fill_n(random.begin() + 4, 4, std::uint8_t{0});
    const auto client = make_obfuscated2(random, secret, framing::intermediate, 10002);
    CHECK(accept_obfuscated2(client.header, secret).has_value());
  }
}

TEST_CASE("obfuscated2: clients avoid starts that look like another protocol") {
  const auto starts_plain = [](std::string_view start) { return is_plain_start(as_bytes(start)); };
  CHECK_FALSE(starts_plain("\x03\x0a\x11\x18\x1f\x26\x2d\x34"sv));
  CHECK(starts_plain("\xef\x0a\x11\x18\x1f\x26\x2d\x34"sv));  // abridged
  CHECK(starts_plain("HEAD /in"sv));
  CHECK(starts_plain("POST /in"sv));
  CHECK(starts_plain("GET /ind"sv));
  CHECK(starts_plain("OPTIONS "sv));
  CHECK(starts_plain("\xdd\xdd\xdd\xdd\x1f\x26\x2d\x34"sv));        // padded
  CHECK(starts_plain("\xee\xee\xee\xee\x1f\x26\x2d\x34"sv));        // intermediate
  CHECK(starts_plain("\x16\x03\x01\x02\x1f\x26\x2d\x34"sv));        // TLS
  CHECK(starts_plain("\x03\x0a\x11\x18\x00\x00\x00\x00"sv));        // 4..7 are 0
  CHECK_FALSE(starts_plain("\x00\x00\x00\x00\x1f\x26\x2d\x34"sv));  // 0..3 may be
  CHECK_FALSE(starts_plain("\x03\x0a\x11\x18\x01\x00\x00\x00\x00"sv));
  CHECK_FALSE(starts_plain("GETX/ind"sv));
  CHECK_FALSE(starts_plain("\xdd\xdd\xdd\xee\x1f\x26\x2d\x34"sv));
  CHECK_FALSE(starts_plain("\x16\x03\x01\x03\x1f\x26\x2d\x34"sv));
}

TEST_CASE("obfuscated2: random headers are opened or refused") {
  check_property([] {
    const auto session =
        accept_obfuscated2(*rc::gen::arbitrary<header64>(), *rc::gen::arbitrary<secret16>());
    RC_ASSERT(session.has_value() || session.error() == errc::unknown_protocol);
  });
}

}  // namespace
}  // namespace mtp
