// make_client_hello: apart from the rest of tls_client_hello because it is long and only ping and
// tests need it.
#include <algorithm>

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

 private:
  byte_view in_;
};

void add(bytes& into, std::initializer_list<std::uint8_t> in) {
  into.insert(into.end(), in);
}

void add_extension(bytes& into, std::uint16_t type, byte_view body) {
  append_be16(into, type);
  append_be16(into, body.size());
  append(into, body);
}

void add_extension(bytes& into, std::uint16_t type, std::initializer_list<std::uint8_t> body) {
  add_extension(into, type, byte_view{body.begin(), body.size()});
}

bytes server_name(std::string_view sni) {
  bytes body;
  append_be16(body, sni.size() + 3);
  body.push_back(0);
  append_be16(body, sni.size());
  append(body, as_bytes(sni));
  return body;
}

bytes key_shares(std::uint8_t grease, entropy& random) {
  bytes shares;
  add(shares, {grease, grease, 0, 1, 0});
  add(shares, {0x11, 0xec, 0x04, 0xc0});  // X25519MLKEM768, 1184 + 32 bytes
  append(shares, random.take(1184 + 32));
  add(shares, {0x00, 0x1d, 0x00, 0x20});  // x25519
  append(shares, random.take(32));
  bytes body;
  append_be16(body, shares.size());
  append(body, shares);
  return body;
}

/// An encrypted_client_hello of the kind browsers send when they have no key for the site.
bytes ech_grease(entropy& random) {
  constexpr std::size_t payload = 176;  // one of 144, 176, 208, 240
  bytes body{0, 0, 1, 0, 1};
  append(body, random.take(1));
  append_be16(body, 32);
  append(body, random.take(32));
  append_be16(body, payload);
  append(body, random.take(payload));
  return body;
}

bytes extensions(std::string_view sni, entropy& random) {
  const auto grease = static_cast<std::uint8_t>((random.take(1)[0] & 0xf0) | 0x0a);
  bytes encoded;
  add_extension(encoded, static_cast<std::uint16_t>(grease << 8 | grease), {});
  add_extension(encoded, 0x0017, {});  // extended_master_secret
  add_extension(encoded, 0xfe0d, ech_grease(random));
  add_extension(encoded, 0x0023, {});                          // session_ticket
  add_extension(encoded, 0x000b, {1, 0});                      // ec_point_formats
  add_extension(encoded, 0x44cd, {0, 3, 2, 'h', '2'});         // ALPS
  add_extension(encoded, 0x0033, key_shares(grease, random));  //
  add_extension(encoded, 0x0012, {});                          // SCT
  add_extension(
      encoded, 0x000a,
      {0, 10, grease, grease, 0x11, 0xec, 0x00, 0x1d, 0x00, 0x17, 0x00, 0x18});  // supported_groups
  add_extension(encoded, 0x001b, {2, 0, 2});  // compress_certificate
  add_extension(encoded, 0xff01, {0});        // renegotiation_info
  add_extension(encoded, 0x000d, {0, 16, 4, 3, 8, 4, 4, 1, 5, 3, 8, 5, 5, 1, 8, 6, 6, 1});
  add_extension(encoded, 0x0005, {1, 0, 0, 0, 0});  // status_request
  add_extension(encoded, 0x002d, {1, 1});           // psk_key_exchange_modes
  add_extension(encoded, 0x0010, {0, 12, 2, 'h', '2', 8, 'h', 't', 't', 'p', '/', '1', '.', '1'});
  add_extension(encoded, 0x0000, server_name(sni));
  add_extension(encoded, 0x002b, {6, grease, grease, 3, 4, 3, 3});  // supported_versions
  // The closing GREASE extension differs from the opening one.
  const auto last = static_cast<std::uint8_t>(grease ^ 0x10);
  add_extension(encoded, static_cast<std::uint16_t>(last << 8 | last), {0});
  return encoded;
}

}  // namespace

bytes make_client_hello(const secret16& secret, std::string_view sni, std::uint32_t unix_time,
                        std::span<const std::uint8_t, client_hello_random_size> random_bytes) {
  static constexpr std::array<std::uint8_t, 30> suites{
      0x13, 0x01, 0x13, 0x02, 0x13, 0x03, 0xc0, 0x2b, 0xc0, 0x2f, 0xc0, 0x2c, 0xc0, 0x30, 0xcc,
      0xa9, 0xcc, 0xa8, 0xc0, 0x13, 0xc0, 0x14, 0x00, 0x9c, 0x00, 0x9d, 0x00, 0x2f, 0x00, 0x35};
  entropy random{random_bytes};
  bytes message{3, 3};
  message.resize(message.size() + client_random_size);  // signed below
  message.push_back(32);
  append(message, random.take(32));
  const auto grease = static_cast<std::uint8_t>((random.take(1)[0] & 0xf0) | 0x0a);
  append_be16(message, suites.size() + 2);
  add(message, {grease, grease});
  append(message, suites);
  add(message, {1, 0});  // compression: none
  const auto exts = extensions(sni, random);
  append_be16(message, exts.size());
  append(message, exts);

  bytes record{tls_handshake, 3, 1};
  append_be16(record, message.size() + 4);
  add(record, {1, 0});
  append_be16(record, message.size());
  append(record, message);
  sign_client_hello(record, secret, unix_time);
  return record;
}

}  // namespace mtp
