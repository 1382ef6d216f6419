#include "codecs/telegram/middle_key.hpp"

#include <algorithm>

namespace mtp {

namespace {

/// IPv4 goes in as a little-endian integer; with IPv6 its place is zero.
void append_v4(bytes& into, const ip_address& ip) {
  std::array<std::uint8_t, 4> octets{};
  if (ip.is_v4()) octets = ip.v4_octets();
  into.insert(into.end(), octets.rbegin(), octets.rend());
}

}  // namespace

cipher_key derive_middle_key(const middle_key_input& in, key_purpose purpose) {
  bytes s;
  s.reserve(128 + in.secret.size());
  append(s, in.server_nonce);
  append(s, in.client_nonce);
  append_le(s, in.client_time);
  append_v4(s, in.server.ip);
  append_le(s, in.client.port);
  append(s, as_bytes(purpose == key_purpose::client ? "CLIENT" : "SERVER"));
  append_v4(s, in.client.ip);
  append_le(s, in.server.port);
  append(s, in.secret);
  append(s, in.server_nonce);
  if (!in.server.ip.is_v4()) {
    append(s, in.client.ip.mapped());
    append(s, in.server.ip.mapped());
  }
  append(s, in.client_nonce);

  const auto all = byte_view{s};
  const auto head = md5({all.subspan(1)});
  const auto tail = sha1({all});
  cipher_key key{.key = {}, .iv = md5({all.subspan(2)})};
  auto* const rest = std::copy_n(head.begin(), 12, key.key.begin());
  std::ranges::copy(tail, rest);
  return key;
}

}  // namespace mtp
