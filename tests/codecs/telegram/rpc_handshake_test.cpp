#include "codecs/telegram/rpc_handshake.hpp"

#include "tests/support/property.hpp"

namespace mtp::rpc {
namespace {

using test::any_bytes;
using test::check_property;
using test::start_of;

constexpr std::uint32_t now = 0x6553'f100;
constexpr rpc_nonce our_nonce{0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,
                              0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f};
constexpr rpc_nonce their_nonce{0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27,
                                0x28, 0x29, 0x2a, 0x2b, 0x2c, 0x2d, 0x2e, 0x2f};
constexpr process_id self{
    .ip = 0x0403'0201, .port = 0x0605, .pid = 0x0807, .start_time = 0x0c0b'0a09};
constexpr process_id middle_proxy{.ip = 1, .port = 2, .pid = 3, .start_time = 4};

/// 32 bytes that start with c4 f9 fa ca.
bytes secret() {
  bytes message(32, 0x5a);
  message[0] = 0xc4;
  message[1] = 0xf9;
  message[2] = 0xfa;
  message[3] = 0xca;
  return message;
}

proxy_handshake make_handshake() {
  return {secret(), our_nonce, now, self};
}

/// The middle proxy's nonce message, good unless changed.
nonce_message answer() {
  return {.key_selector = 0xcafa'f9c4, .schema = schema_aes, .time = now, .nonce = their_nonce};
}

const endpoint dc = *parse_endpoint("149.154.162.38:80");
const endpoint us = *parse_endpoint("80.211.29.34:54208");

result<proxy_handshake::keys> keys_for(const nonce_message& theirs, std::uint32_t clock = now) {
  bytes body;
  encode_nonce(theirs, body);
  return make_handshake().on_nonce(body, dc, us, clock);
}

void check_nonce_refused(byte_view body, errc why) {
  const auto got = make_handshake().on_nonce(body, dc, us, now);
  REQUIRE_FALSE(got);
  CHECK(got.error() == why);
}

void check_handshake_refused(byte_view body, errc why) {
  const auto got = make_handshake().on_handshake(body);
  REQUIRE_FALSE(got);
  CHECK(got.error() == why);
}

bytes handshake_body(const handshake_message& in) {
  bytes encoded;
  encode_handshake(in, encoded);
  return encoded;
}

TEST_CASE("rpc handshake: the first message is the nonce, 32 bytes") {
  CHECK(make_handshake().nonce() ==
        bytes{0xaa, 0x87, 0xcb, 0x7a,                          // NONCE
              0xc4, 0xf9, 0xfa, 0xca,                          // key selector: the secret's start
              0x01, 0x00, 0x00, 0x00,                          // schema: AES
              0x00, 0xf1, 0x53, 0x65,                          // our clock
              0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17,  // our nonce
              0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f});
}

TEST_CASE("rpc handshake: the second message offers CRC-32C and names us twice") {
  CHECK(make_handshake().handshake() == bytes{0xf5, 0xee, 0x82, 0x76,  // HANDSHAKE
                                              0x00, 0x08, 0x00, 0x00,  // flags: CRC-32C
                                              0x01, 0x02, 0x03, 0x04,  // sender: ip
                                              0x05, 0x06,              // port
                                              0x07, 0x08,              // pid
                                              0x09, 0x0a, 0x0b, 0x0c,  // start time
                                              0x01, 0x02, 0x03, 0x04,
                                              0x05, 0x06, 0x07, 0x08,  // peer: the same
                                              0x09, 0x0a, 0x0b, 0x0c});
}

TEST_CASE("rpc handshake: a good nonce gives the keys of both directions") {
  const auto got = keys_for(answer());
  REQUIRE(got);
  const auto key = secret();
  const middle_key_input input{.server_nonce = their_nonce,
                               .client_nonce = our_nonce,
                               .client_time = now,
                               .server = dc,
                               .client = us,
                               .secret = key};
  CHECK(got->to_dc.key == derive_middle_key(input, key_purpose::client).key);
  CHECK(got->to_dc.iv == derive_middle_key(input, key_purpose::client).iv);
  CHECK(got->from_dc.key == derive_middle_key(input, key_purpose::server).key);
  CHECK(got->from_dc.iv == derive_middle_key(input, key_purpose::server).iv);
}

TEST_CASE("rpc handshake: keys come from the time we sent, not from the clock when answered") {
  const auto at_once = keys_for(answer(), now);
  const auto later = keys_for(answer(), now + 5);
  REQUIRE((at_once && later));
  CHECK(at_once->to_dc.key == later->to_dc.key);
}

TEST_CASE("rpc handshake: an answer for another proxy secret is refused") {
  auto theirs = answer();
  theirs.key_selector ^= 0x0100'0000;
  const auto got = keys_for(theirs);
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::rpc_bad_key_selector);
}

TEST_CASE("rpc handshake: clocks may differ by 30 seconds, not by 31") {
  const auto skewed = [](std::int64_t by) {
    auto theirs = answer();
    theirs.time = static_cast<std::uint32_t>(now + by);
    return keys_for(theirs);
  };
  CHECK(skewed(30));
  CHECK(skewed(-30));
  for (const auto by : {31, -31, 1'000'000'000, -1'000'000'000}) {
    const auto got = skewed(by);
    REQUIRE_FALSE(got);
    CHECK(got.error() == errc::rpc_clock_skew);
  }
}

TEST_CASE("rpc handshake: the skew is against our clock at the answer, and is known when refused") {
  auto theirs = answer();
  theirs.time = now + 40;
  CHECK(keys_for(theirs, now + 10));

  bytes body;
  encode_nonce(theirs, body);
  auto handshake = make_handshake();
  REQUIRE(handshake.on_nonce(body, dc, us, now + 35));
  CHECK(handshake.clock_skew() == 5);
  REQUIRE_FALSE(handshake.on_nonce(body, dc, us, now));
  CHECK(handshake.clock_skew() == 40);
  theirs.time = 0;
  body.clear();
  encode_nonce(theirs, body);
  REQUIRE_FALSE(handshake.on_nonce(body, dc, us, now));
  CHECK(handshake.clock_skew() == -std::int64_t{now});
}

TEST_CASE("rpc handshake: schemas other than AES are refused, short or long") {
  for (const std::uint32_t schema : {0, 2, 3, 4}) {
    auto theirs = answer();
    theirs.schema = schema;
    bytes body;
    encode_nonce(theirs, body);
    check_nonce_refused(body, errc::rpc_bad_schema);
    body.resize(32 + 4 + 32 + 4 + 256);  // AES_DH: extra keys, parameters, g_a
    check_nonce_refused(body, errc::rpc_bad_schema);
  }
}

TEST_CASE("rpc handshake: a nonce of another length or type is malformed") {
  bytes body;
  encode_nonce(answer(), body);
  for (std::size_t size = 0; size < body.size(); ++size)
    check_nonce_refused(start_of(body, size), errc::rpc_malformed);
  auto longer = body;
  longer.resize(36);
  check_nonce_refused(longer, errc::rpc_malformed);
  body[0] ^= 1;
  check_nonce_refused(body, errc::rpc_malformed);
}

TEST_CASE("rpc handshake: CRC-32C is used if the middle proxy's flags carry it too") {
  const auto with_flags = [](std::uint32_t flags) {
    return make_handshake().on_handshake(
        handshake_body({.flags = flags, .sender = middle_proxy, .peer = self}));
  };
  CHECK(with_flags(0) == checksum::crc32);
  CHECK(with_flags(0x800) == checksum::crc32c);
  CHECK(with_flags(0x400) == checksum::crc32);  // unknown, but not among the reserved
  for (const std::uint32_t flags : {0x01, 0x80, 0x801}) {
    const auto got = with_flags(flags);
    REQUIRE_FALSE(got);
    CHECK(got.error() == errc::rpc_bad_flags);
  }
}

TEST_CASE("rpc handshake: our own message sent back is an answer") {
  const auto handshake = make_handshake();
  CHECK(handshake.on_handshake(handshake.handshake()) == checksum::crc32c);
}

TEST_CASE("rpc handshake: an answer to another process is refused") {
  for (const auto& peer : {process_id{self.ip ^ 1, self.port, self.pid, self.start_time},
                           process_id{self.ip, 0, self.pid, self.start_time},
                           process_id{self.ip, self.port, 0, self.start_time},
                           process_id{self.ip, self.port, self.pid, 0}, middle_proxy})
    check_handshake_refused(handshake_body({.flags = 0, .sender = self, .peer = peer}),
                            errc::rpc_bad_pid);
}

TEST_CASE("rpc handshake: an error message tells why the middle proxy refused us") {
  const bytes body{0xda, 0xbe, 0x27, 0x6a,  // HANDSHAKE_ERROR
                   0xfc, 0xff, 0xff, 0xff,  // -4: wrong peer pid
                   1,    0,    0,    0,    2, 0, 3, 0, 4, 0, 0, 0};
  CHECK(handshake_error_code(body) == -4);
  check_handshake_refused(body, errc::rpc_refused);
  CHECK(handshake_error_code(byte_view{body}.first(16)) == 0);
  check_handshake_refused(byte_view{body}.first(16), errc::rpc_malformed);
  CHECK(handshake_error_code({}) == 0);
}

TEST_CASE("rpc handshake: a handshake of another length or type is malformed") {
  auto body = handshake_body({.flags = 0, .sender = middle_proxy, .peer = self});
  CHECK(handshake_error_code(body) == 0);
  for (std::size_t size = 0; size < body.size(); ++size)
    check_handshake_refused(start_of(body, size), errc::rpc_malformed);
  auto longer = body;
  longer.resize(36);
  check_handshake_refused(longer, errc::rpc_malformed);
  body[3] ^= 1;
  check_handshake_refused(body, errc::rpc_malformed);
}

rc::Gen<process_id> any_pid() {
  return rc::gen::build<process_id>(rc::gen::set(&process_id::ip), rc::gen::set(&process_id::port),
                                    rc::gen::set(&process_id::pid),
                                    rc::gen::set(&process_id::start_time));
}

TEST_CASE("rpc handshake: what is written is read back") {
  check_property([] {
    const nonce_message nonce{.key_selector = *rc::gen::arbitrary<std::uint32_t>(),
                              .schema = schema_aes,
                              .time = *rc::gen::arbitrary<std::uint32_t>(),
                              .nonce = *rc::gen::arbitrary<rpc_nonce>()};
    bytes body;
    encode_nonce(nonce, body);
    const auto got = decode_nonce(body);
    RC_ASSERT(got.has_value());
    RC_ASSERT(got->key_selector == nonce.key_selector);
    RC_ASSERT(got->time == nonce.time);
    RC_ASSERT(got->nonce == nonce.nonce);

    const handshake_message message{
        .flags = *rc::gen::arbitrary<std::uint32_t>(), .sender = *any_pid(), .peer = *any_pid()};
    const auto read = decode_handshake(handshake_body(message));
    RC_ASSERT(read.has_value());
    RC_ASSERT(read->flags == message.flags);
    RC_ASSERT(read->sender == message.sender);
    RC_ASSERT(read->peer == message.peer);
  });
}

TEST_CASE("rpc handshake: random bodies are refused") {
  check_property([] {
    const auto body = *any_bytes();
    RC_ASSERT(!make_handshake().on_nonce(body, dc, us, now).has_value());
    RC_ASSERT(!make_handshake().on_handshake(body).has_value());
  });
}

}  // namespace
}  // namespace mtp::rpc
