#include "codecs/client/tls_server_hello.hpp"

#include <algorithm>

#include "codecs/client/tls_records.hpp"
#include "tests/codecs/client/client_hellos.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_bytes;
using test::check_property;
using test::found;
using test::hello_parts;
using test::hello_secret;
using test::noise;
using test::old_client_hello;
using test::start_of;
using test::waits;

/// Key c0, c1, ...; ciphertext 0, 1, ... 250, 0, ...; 8 encrypted bytes.
struct fixed_random {
  bytes encrypted{1, 2, 3, 4, 5, 6, 7, 8};
  [[nodiscard]] server_flight_random get() const {
    server_flight_random filled{.x25519_key = {}, .mlkem_ciphertext = {}, .encrypted = encrypted};
    for (std::size_t i = 0; i < filled.x25519_key.size(); ++i)
      filled.x25519_key[i] = static_cast<std::uint8_t>(0xc0 + i);
    for (std::size_t i = 0; i < filled.mlkem_ciphertext.size(); ++i)
      filled.mlkem_ciphertext[i] = static_cast<std::uint8_t>(i % 251);
    return filled;
  }
};

client_hello old_hello() {
  return parse_client_hello(old_client_hello()).value();
}

const server_flight_plan x25519_plan{.encrypted_size = 8};
const server_flight_plan mlkem_plan{.group = 0x11ec, .encrypted_size = 8};

// The random was computed apart, with Python's hmac: HMAC-SHA256(secret, random of the hello, this
// flight with 32 zeros in their place).
const bytes x25519_flight{0x16, 0x03, 0x03, 0x00, 0x7a,  // handshake record, 122 bytes
                          0x02, 0x00, 0x00, 0x76,        // ServerHello, 118 bytes
                          0x03, 0x03,                    // TLS 1.2, as 1.3 writes it
                          0x0c, 0x12, 0x6e, 0x33, 0xc0, 0xf1, 0x0f, 0x4b,  // random: the digest
                          0x83, 0xbf, 0x16, 0x17, 0x14, 0x25, 0xe5, 0xde,  //
                          0x0c, 0xea, 0x93, 0xf8, 0x20, 0xb9, 0x51, 0x5c,  //
                          0x45, 0xb4, 0x8f, 0xa2, 0x13, 0xb7, 0x98, 0x9f,  //
                          0x20,  // session id: the client's
                          0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27,  //
                          0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f,  //
                          0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37,  //
                          0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f,  //
                          0x13, 0x01,                                      // TLS_AES_128_GCM_SHA256
                          0x00,                                            // compression: none
                          0x00, 0x2e,                                      // extensions: 46 bytes
                          0x00, 0x2b, 0x00, 0x02, 0x03, 0x04,  // supported_versions: TLS 1.3
                          0x00, 0x33, 0x00, 0x24,              // key_share: 36 bytes
                          0x00, 0x1d, 0x00, 0x20,              // x25519: 32 bytes
                          0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7,  //
                          0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xcd, 0xce, 0xcf,  //
                          0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7,  //
                          0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf,  //
                          0x14, 0x03, 0x03, 0x00, 0x01, 0x01,              // ChangeCipherSpec
                          0x17, 0x03, 0x03, 0x00, 0x08,  // application data, 8 bytes
                          1,    2,    3,    4,    5,    6,    7,    8};

void check_refused(byte_view in, errc why) {
  const auto got = check_server_flight(in, old_hello().random, hello_secret);
  REQUIRE_FALSE(got);
  CHECK(got.error() == why);
}

void check_waits(byte_view in) {
  const auto got = check_server_flight(in, old_hello().random, hello_secret);
  CHECK(waits(got));
}

TEST_CASE("server flight: x25519, byte for byte") {
  const fixed_random random;
  CHECK(make_server_flight(old_hello(), hello_secret, x25519_plan, random.get()) == x25519_flight);
}

TEST_CASE("server flight: with ML-KEM the ServerHello record has 1215 bytes") {
  const fixed_random random;
  const auto flight = make_server_flight(old_hello(), hello_secret, mlkem_plan, random.get());
  REQUIRE(flight.size() == 1215 + 6 + 5 + 8);
  CHECK(bytes(flight.begin(), flight.begin() + 11) == bytes{0x16, 0x03, 0x03, 0x04, 0xba,  // 1210
                                                            0x02, 0x00, 0x04, 0xb6,        // 1206
                                                            0x03, 0x03});
  // As for x25519, computed apart.
  CHECK(bytes(flight.begin() + 11, flight.begin() + 43) ==
        bytes{0x09, 0xd3, 0x89, 0x07, 0xd1, 0xc0, 0x20, 0x97, 0xdc, 0x25, 0xb2,
              0xb6, 0x63, 0x06, 0x21, 0x56, 0xf6, 0xb6, 0x37, 0x5c, 0x0f, 0x9b,
              0x34, 0xe4, 0x7c, 0x6e, 0xbe, 0xa2, 0x9c, 0x40, 0xaa, 0x47});
  CHECK(bytes(flight.begin() + 76, flight.begin() + 95) ==
        bytes{0x13, 0x01,                          // suite
              0x00,                                // compression: none
              0x04, 0x6e,                          // extensions: 1134 bytes
              0x00, 0x2b, 0x00, 0x02, 0x03, 0x04,  // supported_versions: TLS 1.3
              0x00, 0x33, 0x04, 0x64,              // key_share: 1124 bytes
              0x11, 0xec, 0x04, 0x60});            // X25519MLKEM768: 1120 bytes, ciphertext first
  const auto share = random.get();
  CHECK(std::ranges::equal(byte_view{flight}.subspan(95, 1088), share.mlkem_ciphertext));
  CHECK(std::ranges::equal(byte_view{flight}.subspan(95 + 1088, 32), share.x25519_key));
  CHECK(bytes(flight.begin() + 1215, flight.begin() + 1226) ==
        bytes{0x14, 0x03, 0x03, 0x00, 0x01, 0x01,  // ChangeCipherSpec
              0x17, 0x03, 0x03, 0x00, 0x08});      // application data
}

TEST_CASE("server flight: suite and order of extensions are the plan's") {
  const fixed_random random;
  auto plan = x25519_plan;
  plan.suite = 0x1303;
  plan.key_share_first = true;
  const auto flight = make_server_flight(old_hello(), hello_secret, plan, random.get());
  REQUIRE(flight.size() == x25519_flight.size());
  CHECK(bytes(flight.begin() + 76, flight.begin() + 89) ==
        bytes{0x13, 0x03,                // suite
              0x00,                      // compression: none
              0x00, 0x2e,                // extensions: 46 bytes
              0x00, 0x33, 0x00, 0x24,    // key_share: 36 bytes
              0x00, 0x1d, 0x00, 0x20});  // x25519: 32 bytes
  CHECK(bytes(flight.begin() + 121, flight.begin() + 127) ==
        bytes{0x00, 0x2b, 0x00, 0x02, 0x03, 0x04});  // supported_versions: TLS 1.3
  CHECK(check_server_flight(flight, old_hello().random, hello_secret) == flight.size());
}

TEST_CASE("server flight: an empty session id is answered by an empty one") {
  const fixed_random random;
  const auto hello = parse_client_hello(hello_parts{.session_id = {}}.record()).value();
  const auto flight = make_server_flight(hello, hello_secret, x25519_plan, random.get());
  CHECK(flight.size() == x25519_flight.size() - 32);
  CHECK(flight[43] == 0);
  CHECK(check_server_flight(flight, hello.random, hello_secret) == flight.size());
}

TEST_CASE("server flight: the client takes it, and leaves what follows") {
  auto stream = x25519_flight;
  append(stream, bytes{0x17, 0x03, 0x03, 0x00, 0x01, 0xaa});
  const auto got = check_server_flight(stream, old_hello().random, hello_secret);
  REQUIRE(found(got));
  CHECK(**got == x25519_flight.size());
}

TEST_CASE("server flight: a part of it is incomplete, whatever part") {
  for (std::size_t size = 0; size < x25519_flight.size(); ++size)
    check_waits(start_of(x25519_flight, size));
}

TEST_CASE("server flight: made with another secret or for another hello, it is refused") {
  auto secret = hello_secret;
  secret[15] ^= 1;
  const auto other_secret = check_server_flight(x25519_flight, old_hello().random, secret);
  REQUIRE_FALSE(other_secret);
  CHECK(other_secret.error() == errc::tls_invalid_digest);

  auto random = old_hello().random;
  random[31] ^= 1;
  const auto other_hello = check_server_flight(x25519_flight, random, hello_secret);
  REQUIRE_FALSE(other_hello);
  CHECK(other_hello.error() == errc::tls_invalid_digest);
}

TEST_CASE("server flight: what clients do not look at is covered by the digest all the same") {
  for (const std::size_t at : {5, 11, 42, 44, 76, 94, 126, 138, 145}) {
    auto flight = x25519_flight;
    flight[at] ^= 1;
    check_refused(flight, errc::tls_invalid_digest);
  }
}

TEST_CASE("server flight: other record types, versions and another ChangeCipherSpec are refused") {
  for (const std::size_t at : {0, 1, 2,                       // ServerHello's type and version
                               127, 128, 129, 130, 131, 132,  // every byte of ChangeCipherSpec
                               133, 134, 135}) {              // application data
    auto flight = x25519_flight;
    flight[at] ^= 1;
    check_refused(flight, errc::tls_bad_record);
    check_refused(byte_view{flight}.first(at + 1), errc::tls_bad_record);  // at once
  }
}

TEST_CASE("server flight: a ServerHello too short for a random is refused") {
  bytes flight{0x16, 0x03, 0x03, 0x00, 0x25};  // 37 bytes: one less than version and random need
  flight.resize(5 + 37);
  append(flight, byte_view{x25519_flight}.subspan(127));
  check_refused(flight, errc::tls_bad_record);
}

TEST_CASE("server flight: what the server made, the client takes in any part") {
  check_property([] {
    const auto secret = *rc::gen::arbitrary<secret16>();
    auto hello = old_hello();
    hello.random = *rc::gen::arbitrary<decltype(hello.random)>();
    hello.session_id.resize(*rc::gen::inRange<std::size_t>(0, 33));
    const auto encrypted = noise(*rc::gen::inRange<std::size_t>(1, 10'241), 1);
    auto random = fixed_random{}.get();
    random.encrypted = encrypted;
    const server_flight_plan plan{.suite = *rc::gen::element<std::uint16_t>(0x1301, 0x1302, 0x1303),
                                  .group = *rc::gen::element<std::uint16_t>(0x001d, 0x11ec),
                                  .key_share_first = *rc::gen::arbitrary<bool>(),
                                  .encrypted_size = encrypted.size()};
    const auto flight = make_server_flight(hello, secret, plan, random);
    RC_ASSERT(check_server_flight(flight, hello.random, secret) == flight.size());
    const auto cut = *rc::gen::inRange<std::size_t>(0, flight.size());
    const auto part = check_server_flight(start_of(flight, cut), hello.random, secret);
    RC_ASSERT(waits(part));
  });
}

TEST_CASE("server flight: random bytes are never a flight") {
  check_property([] {
    auto input = x25519_flight;
    input.resize(*rc::gen::inRange<std::size_t>(0, input.size()));
    append(input, *any_bytes());
    const auto got = check_server_flight(input, old_hello().random, hello_secret);
    const bool whole = std::ranges::equal(
        byte_view{input}.first(std::min(input.size(), x25519_flight.size())), x25519_flight);
    RC_ASSERT(whole || !found(got));
  });
}

}  // namespace
}  // namespace mtp
