// Facts: doc/wire/fake_tls.md; OpenSSL's order of extensions is that of curl and node on loopback.
#include "codecs/client/tls_hello_builder.hpp"

#include <algorithm>
#include <utility>

#include "codecs/client/tls_client_hello.hpp"
#include "codecs/client/tls_records.hpp"

namespace mtp {

namespace {

/// Hands out the caller's randomness piece by piece.
class entropy {
 public:
  explicit entropy(byte_view in) noexcept : in_{in} {}
  byte_view take(std::size_t size) noexcept {
    const auto taken = in_.first(size);
    in_ = in_.subspan(size);
    return taken;
  }
  x25519_share take_share() noexcept {
    x25519_share share{};
    std::ranges::copy(take(share.size()), share.begin());
    return share;
  }
  std::uint8_t take_grease() noexcept {
    return static_cast<std::uint8_t>((take(1)[0] & 0xf0) | 0x0a);
  }

 private:
  byte_view in_;
};

void add(bytes& into, std::initializer_list<std::uint8_t> in) {
  into.insert(into.end(), in);
}

void add_vector(bytes& into, byte_view body) {
  append_be16(into, body.size());
  append(into, body);
}

/// A vector inside a vector that holds nothing else.
bytes wrapped(byte_view list) {
  bytes body;
  add_vector(body, list);
  return body;
}

struct extension {
  std::uint16_t type = 0;
  bytes body;
};
using extension_list = std::vector<extension>;

bytes encoded(const extension_list& list) {
  bytes into;
  for (const auto& [type, body] : list) {
    append_be16(into, type);
    add_vector(into, body);
  }
  return into;
}

bytes host_name(std::string_view sni) {
  bytes name{0};
  add_vector(name, as_bytes(sni));
  return wrapped(name);
}

void add_hybrid_share(bytes& shares, const hello_keys& keys) {
  add(shares, {0x11, 0xec, 0x04, 0xc0});  // X25519MLKEM768, 1184 + 32 bytes
  append(shares, keys.mlkem);
  append(shares, keys.hybrid);
}

void add_plain_share(bytes& shares, const hello_keys& keys) {
  add(shares, {0x00, 0x1d, 0x00, 0x20});
  append(shares, keys.plain);
}

/// An encrypted_client_hello of the kind browsers send when they have no key for the site.
bytes ech_grease(const hello_keys& keys, entropy& random) {
  constexpr std::size_t payload = 176;  // one of 144, 176, 208, 240
  bytes body{0, 0, 1, 0, 1};
  append(body, random.take(1));
  add_vector(body, keys.ech);
  add_vector(body, random.take(payload));
  return body;
}

/// ALPN.
bytes both_protocols() {
  return {0, 12, 2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'};
}

bytes browser_extensions(bool mlkem, std::string_view sni, const hello_keys& keys,
                         entropy& random) {
  const auto group = random.take_grease();
  bytes groups{group, group};
  bytes shares{group, group, 0, 1, 0};
  if (mlkem) {
    add(groups, {0x11, 0xec});
    add_hybrid_share(shares, keys);
  }
  add(groups, {0x00, 0x1d, 0x00, 0x17, 0x00, 0x18});
  add_plain_share(shares, keys);
  const auto version = random.take_grease();

  extension_list list{
      {0x0005, {1, 0, 0, 0, 0}},  // status_request
      {0x000a, wrapped(groups)},  // supported_groups
      {0x000b, {1, 0}},           // ec_point_formats
      {0x000d, {0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1}},
      {0x0010, both_protocols()},
      {0x0012, {}},                                 // SCT
      {0x0017, {}},                                 // extended_master_secret
      {0x001b, {2, 0, 2}},                          // compress_certificate: brotli
      {0x0023, {}},                                 // session_ticket
      {0x002b, {6, version, version, 3, 4, 3, 3}},  // supported_versions
      {0x002d, {1, 1}},                             // psk_key_exchange_modes
      {0x0033, wrapped(shares)},                    // key_share
      {0x44cd, {0, 3, 2, 'h', '2'}},                // ALPS
      {0xfe0d, ech_grease(keys, random)},
      {0xff01, {0}},  // renegotiation_info
  };
  if (!sni.empty()) list.push_back({0x0000, host_name(sni)});
  for (auto i = list.size() - 1; i > 0; --i)
    std::swap(list[i], list[random.take(1)[0] % (i + 1)]);
  const auto first = random.take_grease();
  // The closing GREASE extension differs from the opening one.
  const auto last = static_cast<std::uint8_t>(first ^ 0x10);
  list.insert(list.begin(), {static_cast<std::uint16_t>(first << 8 | first), {}});
  list.push_back({static_cast<std::uint16_t>(last << 8 | last), {0}});
  return encoded(list);
}

bytes openssl_extensions(std::string_view sni, const hello_keys& keys) {
  bytes shares;
  add_hybrid_share(shares, keys);
  add_plain_share(shares, keys);
  extension_list list{{0xff01, {0}}};
  if (!sni.empty()) list.push_back({0x0000, host_name(sni)});
  list.push_back({0x000b, {3, 0, 1, 2}});
  list.push_back({0x000a, {0, 16, 0x11, 0xec, 0, 29, 0, 23, 0, 30, 0, 24, 0, 25, 1, 0, 1, 1}});
  list.push_back({0x0010, both_protocols()});
  list.push_back({0x0016, {}});  // encrypt_then_mac
  list.push_back({0x0017, {}});
  list.push_back({0x0031, {}});  // post_handshake_auth
  list.push_back({0x000d, {0, 52, 9, 5,  9, 6,  9, 4, 4, 3,  5, 3,  6, 3, 8, 7, 8, 8,
                           8, 26, 8, 27, 8, 28, 8, 9, 8, 10, 8, 11, 8, 4, 8, 5, 8, 6,
                           4, 1,  5, 1,  6, 1,  3, 3, 3, 1,  3, 2,  4, 2, 5, 2, 6, 2}});
  list.push_back({0x002b, {4, 3, 4, 3, 3}});
  list.push_back({0x002d, {1, 1}});
  list.push_back({0x0033, wrapped(shares)});
  return encoded(list);
}

bytes suites_of(hello_shape shape, entropy& random) {
  if (shape == hello_shape::no_grease)
    return {0x13, 0x02, 0x13, 0x03, 0x13, 0x01, 0xc0, 0x2c, 0xc0, 0x30, 0x00, 0x9f,
            0xcc, 0xa9, 0xcc, 0xa8, 0xcc, 0xaa, 0xc0, 0x2b, 0xc0, 0x2f, 0x00, 0x9e,
            0xc0, 0x24, 0xc0, 0x28, 0x00, 0x6b, 0xc0, 0x23, 0xc0, 0x27, 0x00, 0x67,
            0xc0, 0x0a, 0xc0, 0x14, 0x00, 0x39, 0xc0, 0x09, 0xc0, 0x13, 0x00, 0x33,
            0x00, 0x9d, 0x00, 0x9c, 0x00, 0x3d, 0x00, 0x3c, 0x00, 0x35, 0x00, 0x2f};
  const auto grease = random.take_grease();
  return {grease, grease, 0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0,
          0x2f,   0xc0,   0x2c, 0xc0, 0x30, 0xcc, 0xa9, 0xcc, 0xa8, 0xc0, 0x13,
          0xc0,   0x14,   0x00, 0x9c, 0x00, 0x9d, 0x00, 0x2f, 0x00, 0x35};
}

}  // namespace

bytes build_client_hello(hello_shape shape, std::string_view sni, const hello_keys& keys,
                         std::span<const std::uint8_t, hello_random_size> random_bytes) {
  entropy random{random_bytes};
  bytes message{3, 3};
  append(message, random.take(client_random_size));
  message.push_back(32);
  append(message, random.take(32));  // session id
  add_vector(message, suites_of(shape, random));
  add(message, {1, 0});  // compression: none
  add_vector(message, shape == hello_shape::no_grease
                          ? openssl_extensions(sni, keys)
                          : browser_extensions(shape == hello_shape::browser, sni, keys, random));

  bytes record{tls_handshake, 3, 1};
  append_be16(record, message.size() + 4);
  add(record, {1, 0});
  add_vector(record, message);
  return record;
}

bytes make_client_hello(const secret16& secret, std::string_view sni, std::uint32_t unix_time,
                        std::span<const std::uint8_t, client_hello_random_size> random_bytes) {
  entropy random{random_bytes.subspan<hello_random_size>()};
  const auto mlkem =
      make_mlkem768_key(random.take(mlkem768_random_size).first<mlkem768_random_size>());
  // Any 32 bytes are a key that a server can answer; points on the curve would cost more.
  auto record = build_client_hello(hello_shape::browser, sni,
                                   {.mlkem = mlkem,
                                    .hybrid = random.take_share(),
                                    .plain = random.take_share(),
                                    .ech = random.take_share()},
                                   random_bytes.first<hello_random_size>());
  sign_client_hello(record, secret, unix_time);
  return record;
}

}  // namespace mtp
