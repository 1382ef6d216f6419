#include "codecs/telegram/middle_key.hpp"

#include <algorithm>

#include "codecs/base/text.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_ip;
using test::check_property;

/// Addresses, clock, nonces and secret of the test in mtp_down_conn.erl.
middle_key_input erlang_input(byte_view secret) {
  return {
      .server_nonce = {247, 40, 210, 56, 65, 12, 101, 170, 216, 155, 14, 253, 250, 238, 219, 226},
      .client_nonce = {24, 49, 53, 111, 198, 10, 235, 180, 230, 112, 92, 78, 1, 201, 106, 105},
      .client_time = 1528396015,
      .server = *parse_endpoint("149.154.162.38:80"),
      .client = *parse_endpoint("80.211.29.34:54208"),
      .secret = secret};
}

bytes erlang_secret() {
  return from_hex(
             "c4f9faca9678e6bb48ad6c7e2ce5c0d24430645d554addeb55419e034da62721"
             "d046eaab6e52ab14a95a443ecfb3463e79a05a66612adf9caeda8be9a80da698"
             "6fb0a6ff387af84d88ef3a6413713e5c3377f6e1a3d47d99f5e0c56eece8f05c"
             "54c490b079e31bef82ff0ee8f2b0a32756d249c5f21269816cb7061b265db212")
      .value();
}

TEST_CASE("middle_key: the vector of the Erlang proxy, what we send") {
  const auto secret = erlang_secret();
  const auto got = derive_middle_key(erlang_input(secret), key_purpose::client);
  CHECK(to_hex(got.key) == "a59e7f3129e8bb45261da3e2b7921c43e1e086bfcf98ffa69842a9c4368732bc");
  CHECK(to_hex(got.iv) == "216e7dddb779a07482b49cf9346f25b2");
}

// The Erlang test has one direction only; computed apart, with hashlib, from the documented order.
TEST_CASE("middle_key: the same input, what we receive") {
  const auto secret = erlang_secret();
  const auto got = derive_middle_key(erlang_input(secret), key_purpose::server);
  CHECK(to_hex(got.key) == "5fc7a56a00cb18fb0c133453441c0d8cef56ffcbbf986fb4a7d4201fce64fa51");
  CHECK(to_hex(got.iv) == "4b295add3b3f5cf280e08876e8d29fbc");
}

// Computed apart, with hashlib: s = server nonce, client nonce, time, 0.0.0.0, client port,
// purpose, 0.0.0.0, server port, secret, server nonce, client address, server address, client
// nonce.
TEST_CASE("middle_key: IPv6 addresses go in before the last nonce, the client's first") {
  bytes secret(128);
  for (std::size_t i = 0; i < secret.size(); ++i)
    secret[i] = static_cast<std::uint8_t>(5 * i + 1);
  middle_key_input in{.server_nonce = {},
                      .client_nonce = {},
                      .client_time = 1'700'000'000,
                      .server = *parse_endpoint("[2001:67c:4e8:f002::a]:8888"),
                      .client = *parse_endpoint("[2001:db8::1]:54321"),
                      .secret = secret};
  for (std::size_t i = 0; i < 16; ++i) {
    in.server_nonce[i] = static_cast<std::uint8_t>(0x10 + i);
    in.client_nonce[i] = static_cast<std::uint8_t>(0x40 + i);
  }
  const auto to_dc = derive_middle_key(in, key_purpose::client);
  CHECK(to_hex(to_dc.key) == "dced3c7a792060a5d1f17558adce7f77d545ad17a89b6c077a72aa021ba571fb");
  CHECK(to_hex(to_dc.iv) == "9db9ba35ea62e6fb35cd01b5c25c4b04");
  const auto from_dc = derive_middle_key(in, key_purpose::server);
  CHECK(to_hex(from_dc.key) == "2e6f40c2dc9e0b6291e43c2f453d989c5e3d0c7322b6e0018329bd410db8ce66");
  CHECK(to_hex(from_dc.iv) == "52a8a7e4c8b445ca0b7237cd4a3f5c80");
}

TEST_CASE("middle_key: an IPv4 address mapped into IPv6 counts as IPv4") {
  const auto secret = erlang_secret();
  auto in = erlang_input(secret);
  in.server.ip = *ip_address::parse("::ffff:149.154.162.38");
  in.client.ip = *ip_address::parse("::ffff:80.211.29.34");
  const auto got = derive_middle_key(in, key_purpose::client);
  CHECK(to_hex(got.key) == "a59e7f3129e8bb45261da3e2b7921c43e1e086bfcf98ffa69842a9c4368732bc");
}

TEST_CASE("middle_key: every part of the input changes key and iv") {
  check_property([] {
    const auto secret = *rc::gen::container<bytes>(32, rc::gen::arbitrary<std::uint8_t>());
    const auto family = *rc::gen::element("1.2.3.4:5", "[2001:db8::1]:5");
    const middle_key_input in{.server_nonce = *rc::gen::arbitrary<rpc_nonce>(),
                              .client_nonce = *rc::gen::arbitrary<rpc_nonce>(),
                              .client_time = *rc::gen::arbitrary<std::uint32_t>(),
                              .server = *parse_endpoint(family),
                              .client = *parse_endpoint(family),
                              .secret = secret};
    auto other_secret = secret;
    auto other = in;
    switch (*rc::gen::inRange(0, 7)) {
      case 0:
        other.server_nonce[*rc::gen::inRange<std::size_t>(0, 16)] ^= 1;
        break;
      case 1:
        other.client_nonce[*rc::gen::inRange<std::size_t>(0, 16)] ^= 1;
        break;
      case 2:
        other.client_time ^= 1;
        break;
      case 3:
        other.server.port ^= 0x101;
        break;
      case 4:
        other.client.port ^= 0x101;
        break;
      case 5:
        other_secret[*rc::gen::inRange<std::size_t>(0, 32)] ^= 1;
        other.secret = other_secret;
        break;
      default: {
        auto& ip_of_one = *rc::gen::arbitrary<bool>() ? other.server.ip : other.client.ip;
        ip_of_one = *rc::gen::suchThat(any_ip(), [&](const ip_address& ip) {
          return ip.is_v4() == in.server.ip.is_v4() && ip != in.server.ip;
        });
      }
    }
    for (const auto purpose : {key_purpose::client, key_purpose::server}) {
      const auto a = derive_middle_key(in, purpose);
      const auto b = derive_middle_key(other, purpose);
      RC_ASSERT(a.key != b.key);
      RC_ASSERT(a.iv != b.iv);
    }
    RC_ASSERT(derive_middle_key(in, key_purpose::client).key !=
              derive_middle_key(in, key_purpose::server).key);
  });
}

}  // namespace
}  // namespace mtp
