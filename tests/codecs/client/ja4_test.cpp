// Vectors: the examples of FoxIO's description, and fingerprints of captures in its repository,
// from the lists that it shows for them ("JA4_ro").
#include "codecs/client/ja4.hpp"

#include "codecs/base/text.hpp"
#include "tests/codecs/client/client_hellos.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::check_property;
using test::extension;
using test::hello_parts;
using test::join;
using test::server_name;

/// What JA4 looks at, in the client's order; lists in hex.
struct ja4_hello {
  std::string_view versions = "03040303";
  std::string_view suites;
  std::string_view extensions;
  std::string_view algorithms = "";
  bytes alpn{};

  [[nodiscard]] bytes record() const {
    const auto codes = from_hex(extensions).value();
    bytes encoded;
    for (std::size_t at = 0; at < codes.size(); at += 2)
      append(encoded, encoded_extension(load_be16(byte_view{codes}.subspan(at))));
    return hello_parts{.suites = from_hex(suites).value(), .extensions = encoded}.record();
  }

 private:
  [[nodiscard]] bytes encoded_extension(std::uint16_t type) const {
    bytes body;
    if (type == 0x0000) body = server_name("example.com");
    if (type == 0x002b) {
      const auto list = from_hex(versions).value();
      body = join({bytes{static_cast<std::uint8_t>(list.size())}, list});
    }
    if (type == 0x000d) {
      const auto list = from_hex(algorithms).value();
      append_be16(body, list.size());
      append(body, list);
    }
    if (type == 0x0010) {
      append_be16(body, alpn.size() + 1 + 9);
      body.push_back(static_cast<std::uint8_t>(alpn.size()));
      append(body, alpn);
      append(body, bytes{8, 'h', 't', 't', 'p', '/', '1', '.', '1'});
    }
    return extension(type, body);
  }
};

std::string ja4_of(const ja4_hello& hello) {
  const auto got = ja4_fingerprint(hello.record());
  REQUIRE(got);
  return *got;
}

const ja4_hello chrome{
    .suites = "130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035",
    .extensions = "001b00000033001044690017002d000d000500230012002bff01000b000a0015",
    .algorithms = "04030804040105030805050108060601",
    .alpn = {'h', '2'}};

TEST_CASE("ja4: the example of the description") {
  CHECK(ja4_of(chrome) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST_CASE("ja4: captures of a browser, a program with TLS 1.2, and one with TLS 1.0") {
  CHECK(ja4_of({.suites = "130113031302c02bc02fcca9cca8c02cc030c00ac009c013c014009c009d002f0035",
                .extensions = "00000017ff01000a000b00230010000500220033002b000d002d001c0015",
                .algorithms = "0403050306030804080508060401050106010203"
                              "0201",
                .alpn = {'h', '2'}}) == "t13d1715h2_5b57614c22b0_3d5424432f57");
  CHECK(ja4_of({.suites = "c030c02cc028c024c014c00a009f006b0039cca9cca8ccaaff8500c400880081009d003d"
                          "003500c00084c02fc02bc027c023c013c009009e0067003300be0045009c003c002f00ba"
                          "0041c011c00700050004c012c0080016000a00ff",
                .extensions = "0000000b000a000d0010",
                .algorithms = "06010603efef0501050304010403eeeeeded0301030302010203",
                .alpn = {'h', '2'}}) == "t12d4605h2_85626a9a5f7f_aaf95bb78ec9");
  auto old = ja4_hello{.suites =
                           "003900380035001600130"
                           "00a00330032002f009a009900960005000400150012000900140011000800060"
                           "00300ff",
                       .extensions = "0000"}
                 .record();
  old[10] = 1;  // TLS 1.0
  CHECK(ja4_fingerprint(old) == "t10d230100_6a57a6f57151_000000000000");
}

TEST_CASE("ja4: the order of suites and extensions does not matter, that of algorithms does") {
  auto hello = chrome;
  hello.suites = "00351301c02b1302c02f1303c02cc030cca9cca8c013c014009c009d002f";
  hello.extensions =
      "0015000a000bff01002b001200230005000d002d0017446900100033"
      "0000001b";
  CHECK(ja4_of(hello) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
  hello.algorithms = "08040403040105030805050108060601";
  CHECK(ja4_of(hello).substr(0, 24) == "t13d1516h2_8daaf6152771_");
  CHECK(ja4_of(hello) != ja4_of(chrome));
}

TEST_CASE("ja4: GREASE does not count anywhere") {
  CHECK(ja4_of({.versions = "fafa03040303",
                .suites = "0a0a130113021303c02bc02fc02cc030cca9cca8c013c014009c009d002f0035",
                .extensions =
                    "1a1a001b0000003300104469eaea0017002d000d000500230012002bff01000b000a0015"
                    "2a2a",
                .algorithms = "3a3a04030804040105030805050108060601",
                .alpn = {'h', '2'}}) == "t13d1516h2_8daaf6152771_e5627efa2ab1");
}

TEST_CASE("ja4: without algorithms, and without anything") {
  auto hello = chrome;
  hello.algorithms = "";
  CHECK(ja4_of(hello) == "t13d1516h2_8daaf6152771_6d807ffa2a79");
  CHECK(ja4_of({}) == "t12i000000_000000000000_000000000000");
  // Server name and ALPN count, and have no hash.
  CHECK(ja4_of({.extensions = "00000010", .alpn = {'h', '2'}}) ==
        "t12d0002h2_000000000000_000000000000");
}

TEST_CASE("ja4: the version is the highest that is offered") {
  const auto version_of = [](std::string_view versions) {
    return ja4_of({.versions = versions, .extensions = "002b"}).substr(1, 2);
  };
  CHECK(version_of("030303040302") == "13");
  CHECK(version_of("0302") == "11");
  CHECK(version_of("0300") == "s3");
  CHECK(version_of("0002") == "s2");
  CHECK(version_of("7f1c0304") == "00");
  CHECK(version_of("") == "12");  // that of the message
}

TEST_CASE("ja4: the protocol is its first and last character, or those of its hex") {
  const auto alpn_of = [](const bytes& alpn) {
    return ja4_of({.extensions = "0010", .alpn = alpn}).substr(8, 2);
  };
  CHECK(alpn_of({'h', '2'}) == "h2");
  CHECK(alpn_of({'h', 't', 't', 'p', '/', '1', '.', '1'}) == "h1");
  CHECK(alpn_of({'x'}) == "xx");
  CHECK(alpn_of({}) == "00");
  CHECK(alpn_of({0xab}) == "ab");
  CHECK(alpn_of({0xab, 0xcd}) == "ad");
  CHECK(alpn_of({0x30, 0xab}) == "3b");
  CHECK(alpn_of({0x30, 0x31, 0xab, 0xcd}) == "3d");
  CHECK(alpn_of({0x30, 0xab, 0xcd, 0x31}) == "01");
}

TEST_CASE("ja4: counts end at 99") {
  std::string suites;
  for (int i = 0; i < 120; ++i)
    suites += "1301";
  CHECK(ja4_of({.suites = suites}).substr(0, 10) == "t12i990000");
}

TEST_CASE("ja4: a hello that is cut or too long is refused") {
  const auto record = chrome.record();
  for (std::size_t size = 0; size < record.size(); ++size) {
    const auto got = ja4_fingerprint(test::start_of(record, size));
    // Without its extensions it is a hello of old.
    if (got) CHECK(got->substr(4, 4) == "1500");
  }
  auto longer = record;
  longer.push_back(0);
  REQUIRE_FALSE(ja4_fingerprint(longer));
  CHECK(ja4_fingerprint(longer).error() == errc::tls_bad_client_hello);
}

TEST_CASE("ja4: any bytes give printable characters or an error") {
  check_property([] {
    auto record = *rc::gen::arbitrary<bool>() ? chrome.record() : hello_parts{}.record();
    if (*rc::gen::arbitrary<bool>())
      record[*rc::gen::inRange<std::size_t>(0, record.size())] =
          *rc::gen::arbitrary<std::uint8_t>();
    else
      append(record, *any_bytes());
    const auto got = ja4_fingerprint(record);
    if (!got) return;
    RC_ASSERT(got->size() == ja4_size);
    RC_ASSERT(std::ranges::all_of(*got, [](char c) { return c > ' ' && c <= '~'; }));
  });
}

}  // namespace
}  // namespace mtp
