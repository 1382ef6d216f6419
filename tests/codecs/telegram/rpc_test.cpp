#include "codecs/telegram/rpc.hpp"

#include "tests/support/property.hpp"

namespace mtp::rpc {
namespace {

using test::any_bytes;
using test::any_endpoint;
using test::any_framing;
using test::any_packet;
using test::check_property;
using test::join;
using test::start_of;

constexpr ad_tag tag{0xdc, 0xbe, 0x8f, 0x14, 0x93, 0xfa, 0x4c, 0xd9,
                     0xab, 0x30, 0x08, 0x91, 0xc0, 0xb5, 0xb3, 0x26};

client_info client_of(std::string_view client, std::string_view proxy, framing kind,
                      std::optional<ad_tag> ad = std::nullopt) {
  return {
      .client = *parse_endpoint(client), .proxy = *parse_endpoint(proxy), .kind = kind, .tag = ad};
}

bytes header_of(const client_info& client, conn_id id, bool quick_ack, byte_view packet) {
  bytes encoded;
  encode_proxy_req_header(client, id, quick_ack, packet, encoded);
  return encoded;
}

std::uint32_t flags_of(framing kind, std::optional<ad_tag> ad, bool quick_ack, byte_view packet) {
  const auto client = client_of("1.2.3.4:5", "6.7.8.9:10", kind, ad);
  return load_le<std::uint32_t>(byte_view{header_of(client, 1, quick_ack, packet)}.subspan(4));
}

template <class Message, class Result>
Message as(const Result& got) {
  REQUIRE(got);
  REQUIRE(std::holds_alternative<Message>(*got));
  return std::get<Message>(*got);
}

// mtp_rpc.erl's test, whose packet is a req_pq and hence not encrypted.
const bytes erlang_packet{0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // auth_key_id 0
                          0x00, 0x00, 0x00, 0x00, 0x3d, 0x02, 0x18, 0x5b,  // message id
                          0x14, 0x00, 0x00, 0x00,                          // 20 bytes
                          0x78, 0x97, 0x46, 0x60,                          // req_pq
                          0x99, 0xc5, 0x8e, 0xee, 0xf5, 0x8b, 0x55, 0xd0,  // nonce
                          0xa0, 0xf1, 0x44, 0x59, 0x6a, 0x07, 0x76, 0xa7};
const bytes erlang_header{
    0xee, 0xf1, 0xce, 0x36,                          // PROXY_REQ
    0x0a, 0x10, 0x02, 0x40,                          // abridged, obfuscated, TCP, tag, unencrypted
    0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // connection 1
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // client: IPv4 mapped into IPv6
    0x00, 0x00, 0xff, 0xff, 0x6d, 0xee, 0x83, 0x9f,  // 109.238.131.159
    0x68, 0x04, 0x00, 0x00,                          // port 1128
    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // our end
    0x00, 0x00, 0xff, 0xff, 0x50, 0xd3, 0x1d, 0x22,  // 80.211.29.34
    0x82, 0xd1, 0x00, 0x00,                          // port 53634
    0x18, 0x00, 0x00, 0x00,                          // extra: 24 bytes
    0xae, 0x26, 0x1e, 0xdb,                          // proxy tag
    0x10,                                            // 16 bytes
    0xdc, 0xbe, 0x8f, 0x14, 0x93, 0xfa, 0x4c, 0xd9,  //
    0xab, 0x30, 0x08, 0x91, 0xc0, 0xb5, 0xb3, 0x26,  //
    0x00, 0x00, 0x00};                               // up to a word

TEST_CASE("rpc: PROXY_REQ of the Erlang proxy's test, with an ad tag") {
  const auto client =
      client_of("109.238.131.159:1128", "80.211.29.34:53634", framing::abridged, tag);
  CHECK(header_of(client, 1, false, erlang_packet) == erlang_header);

  // Its second packet is encrypted: the flag is gone, all else is the same.
  auto encrypted = erlang_header;
  encrypted[4] = 0x08;
  CHECK(header_of(client, 1, false, bytes{14, 146, 6, 159, 99, 150, 29, 221}) == encrypted);

  const auto body = join({erlang_header, erlang_packet});
  const auto got = as<proxy_req>(decode_to_dc(body));
  CHECK(got.flags == 0x4002'100a);
  CHECK(got.id == 1);
  CHECK(got.client == client.client);
  CHECK(got.proxy == client.proxy);
  CHECK(got.tag == tag);
  CHECK(to_bytes(got.packet) == erlang_packet);
}

TEST_CASE("rpc: PROXY_REQ without an ad tag has no extra field; IPv6 goes as it is") {
  const auto client = client_of("[2001:db8::1]:65535", "[2001:db8::2]:443", framing::padded);
  CHECK(header_of(client, -2, true, bytes(56, 1)) ==
        bytes{0xee, 0xf1, 0xce, 0x36,                          // PROXY_REQ
              0x00, 0x10, 0x02, 0xa8,                          // ack, intermediate, padded
              0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,  // connection -2
              0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,  // client 2001:db8::1
              0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01,  //
              0xff, 0xff, 0x00, 0x00,                          // port 65535
              0x20, 0x01, 0x0d, 0xb8, 0x00, 0x00, 0x00, 0x00,  // our end 2001:db8::2
              0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02,  //
              0xbb, 0x01, 0x00, 0x00});                        // port 443
}

TEST_CASE("rpc: PROXY_REQ's flags say how the client speaks") {
  constexpr std::uint32_t always = 0x1000 | 0x20000;
  const bytes encrypted(56, 1);
  CHECK(flags_of(framing::abridged, {}, false, encrypted) == (always | 0x4000'0000));
  CHECK(flags_of(framing::intermediate, {}, false, encrypted) == (always | 0x2000'0000));
  CHECK(flags_of(framing::padded, {}, false, encrypted) == (always | 0x2800'0000));
  CHECK(flags_of(framing::abridged, {}, true, encrypted) == (always | 0xc000'0000));
  CHECK(flags_of(framing::abridged, tag, false, encrypted) == (always | 0x4000'0008));
  CHECK(flags_of(framing::abridged, {}, false, bytes(28)) == (always | 0x4000'0002));
}

TEST_CASE("rpc: a packet is unencrypted if all 8 bytes of its auth_key_id are 0") {
  const auto unencrypted = [](const bytes& packet) {
    return (flags_of(framing::abridged, {}, false, packet) & flag_not_encrypted) != 0;
  };
  CHECK(unencrypted(bytes(8)));
  for (std::size_t i = 0; i < 8; ++i) {
    bytes packet(12);
    packet[i] = 1;
    CHECK_FALSE(unencrypted(packet));
  }
  CHECK(unencrypted(bytes{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1}));
  CHECK_FALSE(unencrypted(bytes(4)));  // shorter than an auth_key_id
  CHECK_FALSE(unencrypted({}));
}

TEST_CASE("rpc: PROXY_ANS of the Erlang proxy's test") {
  const bytes body{0x0d, 0xda, 0x03, 0x44,                          // PROXY_ANS
                   0x00, 0x00, 0x00, 0x00,                          // flags
                   0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // connection 1
                   0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,  // the packet: unencrypted,
                   0x01, 0x34, 0x3e, 0xee, 0x3c, 0x02, 0x18, 0x5b,  // a message id, ...
                   0x40, 0x00, 0x00, 0x00};
  const auto got = as<proxy_ans>(decode_from_dc(body));
  CHECK(got.flags == 0);
  CHECK(got.id == 1);
  CHECK(to_bytes(got.packet) == bytes(body.begin() + 16, body.end()));

  bytes encoded;
  encode_proxy_ans(1, got.packet, encoded);
  CHECK(encoded == body);
}

TEST_CASE("rpc: PROXY_ANS may carry flags and no packet") {
  const bytes body{0x0d, 0xda, 0x03, 0x44,                           // PROXY_ANS
                   0x18, 0x00, 0x00, 0x00,                           // flush, small error
                   0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};  // connection -1
  const auto got = as<proxy_ans>(decode_from_dc(body));
  CHECK(got.flags == 0x18);
  CHECK(got.id == -1);
  CHECK(got.packet.empty());
}

TEST_CASE("rpc: SIMPLE_ACK") {
  const bytes body{0x9b, 0x40, 0xac, 0x3b,                          // SIMPLE_ACK
                   0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x80,  // connection -2^63 + 2
                   0x67, 0x45, 0x23, 0x81};                         // token
  const auto got = as<simple_ack>(decode_from_dc(body));
  CHECK(got.id == std::numeric_limits<conn_id>::min() + 2);
  CHECK(got.confirm == 0x8123'4567);
  bytes encoded;
  encode_simple_ack(got.id, got.confirm, encoded);
  CHECK(encoded == body);
}

TEST_CASE("rpc: CLOSE_EXT and CLOSE_CONN both close a client") {
  const bytes close_ext_body{0xa2, 0x34, 0xb6, 0x5e,                           // CLOSE_EXT
                             0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};  // connection 5
  const bytes close_conn_body{0x5d, 0x42, 0xcf, 0x1f,                          // CLOSE_CONN
                              0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00};
  CHECK(as<close_ext>(decode_from_dc(close_ext_body)).id == 5);
  CHECK(as<close_ext>(decode_from_dc(close_conn_body)).id == 5);
  CHECK(as<close_conn>(decode_to_dc(close_conn_body)).id == 5);

  bytes encoded;
  encode_close_ext(5, encoded);
  CHECK(encoded == close_ext_body);
  encoded.clear();
  encode_close_conn(5, encoded);
  CHECK(encoded == close_conn_body);
}

TEST_CASE("rpc: PING and PONG carry one id, both ways") {
  const bytes ping_body{0xdf, 0xa2, 0x30, 0x57,  // PING
                        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01};
  const bytes pong_body{0xa7, 0xea, 0x30, 0x84,  // PONG
                        0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01};
  constexpr std::int64_t id = 0x0102'0304'0506'0708;
  CHECK(as<ping>(decode_from_dc(ping_body)).id == id);
  CHECK(as<pong>(decode_from_dc(pong_body)).id == id);
  CHECK(as<ping>(decode_to_dc(ping_body)).id == id);
  CHECK(as<pong>(decode_to_dc(pong_body)).id == id);

  bytes encoded;
  encode_ping(id, encoded);
  CHECK(encoded == ping_body);
  encoded.clear();
  encode_pong(id, encoded);
  CHECK(encoded == pong_body);
}

TEST_CASE("rpc: a type we do not know is reported by the proxy's side, refused by the DC's") {
  const bytes body{0x78, 0x56, 0x34, 0x12, 0, 0, 0, 0, 0, 0, 0, 0};
  CHECK(as<unknown>(decode_from_dc(body)).type == 0x1234'5678);
  CHECK(as<unknown>(decode_from_dc(byte_view{body}.first(4))).type == 0x1234'5678);
  const auto got = decode_to_dc(body);
  REQUIRE_FALSE(got);
  CHECK(got.error() == errc::rpc_malformed);
}

TEST_CASE("rpc: a known type of another length is malformed") {
  const auto check_lengths = [](auto decode, std::uint32_t type, std::size_t good, bool longer) {
    for (std::size_t size = 4; size <= good + 8; size += 4) {
      bytes body;
      append_le(body, type);
      body.resize(size);
      const auto got = decode(body);
      CHECK(got.has_value() == (size == good || (longer && size > good)));
      if (!got) CHECK(got.error() == errc::rpc_malformed);
    }
  };
  check_lengths(decode_from_dc, 0x4403da0d, 16, true);   // PROXY_ANS
  check_lengths(decode_from_dc, 0x3bac409b, 16, false);  // SIMPLE_ACK
  check_lengths(decode_from_dc, 0x5eb634a2, 12, false);  // CLOSE_EXT
  check_lengths(decode_from_dc, 0x1fcf425d, 12, false);  // CLOSE_CONN
  check_lengths(decode_from_dc, 0x5730a2df, 12, false);  // PING
  check_lengths(decode_from_dc, 0x8430eaa7, 12, false);  // PONG
  check_lengths(decode_to_dc, 0x36cef1ee, 56, true);     // PROXY_REQ
  check_lengths(decode_to_dc, 0x1fcf425d, 12, false);    // CLOSE_CONN
  check_lengths(decode_to_dc, 0x5730a2df, 12, false);    // PING
  check_lengths(decode_to_dc, 0x8430eaa7, 12, false);    // PONG
  for (std::size_t size = 0; size < 4; ++size) {
    CHECK_FALSE(decode_from_dc(bytes(size)));
    CHECK_FALSE(decode_to_dc(bytes(size)));
  }
}

TEST_CASE("rpc: extra of a PROXY_REQ is skipped when it is no ad tag, refused when it is cut") {
  const auto with_extra = [](std::uint8_t flag, const bytes& extra) {
    auto body = start_of(erlang_header, 56);
    body[4] = flag;
    append(body, extra);
    return body;
  };
  const auto http = with_extra(0x04, {4, 0, 0, 0, 1, 2, 3, 4,  // 4 bytes of extra
                                      9, 9, 9, 9});            // packet
  CHECK_FALSE(as<proxy_req>(decode_to_dc(http)).tag);
  CHECK(to_bytes(as<proxy_req>(decode_to_dc(http)).packet) == bytes(4, 9));
  const auto empty = with_extra(0x08, {0, 0, 0, 0});
  CHECK_FALSE(as<proxy_req>(decode_to_dc(empty)).tag);
  CHECK(as<proxy_req>(decode_to_dc(empty)).packet.empty());
  const auto to_the_end = with_extra(0x04, {4, 0, 0, 0, 1, 2, 3, 4});
  CHECK(as<proxy_req>(decode_to_dc(to_the_end)).packet.empty());
  const auto none = with_extra(0x03, {4, 0, 0, 0});  // all packet
  CHECK(to_bytes(as<proxy_req>(decode_to_dc(none)).packet) == bytes{4, 0, 0, 0});

  CHECK_FALSE(decode_to_dc(with_extra(0x08, {})));
  CHECK_FALSE(decode_to_dc(with_extra(0x08, {5, 0, 0, 0, 1, 2, 3, 4})));
  CHECK_FALSE(decode_to_dc(with_extra(0x08, {0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4})));
}

TEST_CASE("rpc: 24 bytes of extra that are no ad tag are none") {
  for (const std::size_t at : {60, 63, 64}) {  // the constructor, and the tag's length
    auto body = join({erlang_header, erlang_packet});
    body[at] ^= 1;
    const auto got = as<proxy_req>(decode_to_dc(body));
    CHECK_FALSE(got.tag);
    CHECK(to_bytes(got.packet) == erlang_packet);
  }
}

TEST_CASE("rpc: every PROXY_REQ comes out as it went in") {
  check_property([] {
    const auto packet = *any_packet();
    const auto id = *rc::gen::arbitrary<conn_id>();
    const auto ask_ack = *rc::gen::arbitrary<bool>();
    client_info client{.client = *any_endpoint(),
                       .proxy = *any_endpoint(),
                       .kind = *any_framing(),
                       .tag = std::nullopt};
    if (*rc::gen::arbitrary<bool>()) client.tag = *rc::gen::arbitrary<ad_tag>();
    const auto header = header_of(client, id, ask_ack, packet);
    RC_ASSERT(header.size() == (client.tag ? 84u : 56u));
    const auto body = join({header, packet});
    const auto got = decode_to_dc(body);
    RC_ASSERT(got.has_value());
    const auto& req = std::get<proxy_req>(*got);
    RC_ASSERT(req.id == id);
    RC_ASSERT(req.client == client.client);
    RC_ASSERT(req.proxy == client.proxy);
    RC_ASSERT(req.tag == client.tag);
    RC_ASSERT(to_bytes(req.packet) == packet);
    RC_ASSERT(((req.flags & flag_quick_ack) != 0) == ask_ack);
    RC_ASSERT(((req.flags & flag_ad_tag) != 0) == client.tag.has_value());
  });
}

TEST_CASE("rpc: every PROXY_ANS comes out as it went in") {
  check_property([] {
    const auto packet = *any_bytes();
    const auto id = *rc::gen::arbitrary<conn_id>();
    bytes body;
    encode_proxy_ans(id, packet, body);
    const auto got = decode_from_dc(body);
    RC_ASSERT(got.has_value());
    RC_ASSERT(std::get<proxy_ans>(*got).id == id);
    RC_ASSERT(to_bytes(std::get<proxy_ans>(*got).packet) == packet);
  });
}

TEST_CASE("rpc: random bodies of known types are read or refused") {
  check_property([] {
    bytes body;
    append_le(body, *rc::gen::element(0x36cef1eeU, 0x4403da0dU, 0x3bac409bU, 0x5eb634a2U,
                                      0x1fcf425dU, 0x5730a2dfU, 0x8430eaa7U));
    append(body, *any_bytes());
    const auto from = decode_from_dc(body);
    if (from && std::holds_alternative<proxy_ans>(*from))
      RC_ASSERT(std::get<proxy_ans>(*from).packet.size() == body.size() - 16);
    const auto to = decode_to_dc(body);
    if (to && std::holds_alternative<proxy_req>(*to))
      RC_ASSERT(std::get<proxy_req>(*to).packet.size() <= body.size() - 56);
  });
}

}  // namespace
}  // namespace mtp::rpc
