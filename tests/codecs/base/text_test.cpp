#include "codecs/base/text.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::check_property;

TEST_CASE("hex: written in lower case, read in both") {
  CHECK(to_hex(bytes{0x00, 0x1f, 0xa0, 0xff}) == "001fa0ff");
  CHECK(to_hex({}).empty());
  CHECK(from_hex("001FA0ff") == bytes{0x00, 0x1f, 0xa0, 0xff});
  CHECK(from_hex("") == bytes{});
}

TEST_CASE("hex: an odd length and other characters are refused") {
  for (const std::string_view text :
       {"0", "001", "0g", "g0", "0x", " 00", "00 ", "0-", "/0", ":0", "@0", "`0"})
    CHECK_FALSE_MESSAGE(from_hex(text), text);
}

TEST_CASE("base64: the vectors of RFC 4648, with and without padding") {
  struct {
    std::string_view plain;
    std::string_view padded;
    std::string_view bare;
  } const vectors[] = {{"", "", ""},
                       {"f", "Zg==", "Zg"},
                       {"fo", "Zm8=", "Zm8"},
                       {"foo", "Zm9v", "Zm9v"},
                       {"foob", "Zm9vYg==", "Zm9vYg"},
                       {"fooba", "Zm9vYmE=", "Zm9vYmE"},
                       {"foobar", "Zm9vYmFy", "Zm9vYmFy"}};
  for (const auto& vector : vectors) {
    CHECK(to_base64url(as_bytes(vector.plain)) == vector.bare);
    CHECK(from_base64(vector.padded) == to_bytes(as_bytes(vector.plain)));
    CHECK(from_base64(vector.bare) == to_bytes(as_bytes(vector.plain)));
  }
}

TEST_CASE("base64: both alphabets are read, the one for links is written") {
  const bytes data{0xfb, 0xff, 0xbf};  // 62, 63, 62, 63
  CHECK(to_base64url(data) == "-_-_");
  CHECK(from_base64("-_-_") == data);
  CHECK(from_base64("+/+/") == data);
}

TEST_CASE("base64: other characters, impossible lengths and stray padding are refused") {
  for (const std::string_view text :
       {"Zm9v!", "Zm 9v", "Zm9v\n", "Z", "Zm9vY", "Zm=9v", "=Zg",
        "Zg===", "Zg=", "Zm8==", "Zm9v=", "Zm9v==", "=", "==", "===="})
    CHECK_FALSE_MESSAGE(from_base64(text), text);
}

TEST_CASE("base64: a text without end is refused before it is decoded") {
  CHECK(from_base64(std::string(64 * 1024, 'A')));
  CHECK_FALSE(from_base64(std::string(64 * 1024 + 4, 'A')));
}

TEST_CASE("hex and base64: what is written is read back") {
  check_property([] {
    const auto data = *any_bytes();
    RC_ASSERT(from_hex(to_hex(data)) == data);
    const auto base64 = to_base64url(data);
    RC_ASSERT(from_base64(base64) == data);
    RC_ASSERT(from_base64(base64 + std::string((4 - base64.size() % 4) % 4, '=')) == data);
  });
}

TEST_CASE("hex and base64: any text is read or refused") {
  check_property([] {
    const auto text = *rc::gen::arbitrary<std::string>();
    if (const auto raw = from_hex(text)) RC_ASSERT(raw->size() * 2 == text.size());
    if (const auto raw = from_base64(text)) RC_ASSERT(raw->size() <= text.size());
  });
}

TEST_CASE("trimmed: blanks and line ends go, from both ends and from nowhere else") {
  CHECK(trimmed(" \t a b\r\n") == "a b");
  CHECK(trimmed("a") == "a");
  CHECK(trimmed(" \n ").empty());
  CHECK(trimmed("").empty());
}

}  // namespace
}  // namespace mtp
