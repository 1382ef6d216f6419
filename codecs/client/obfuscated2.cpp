#include "codecs/client/obfuscated2.hpp"

#include <algorithm>

namespace mtp {

namespace {

using header_view = std::span<const std::uint8_t, obfuscated2_header_size>;

constexpr std::size_t key_at = 8;
constexpr std::size_t key_and_iv = 48;
constexpr std::size_t tag_at = 56;
constexpr std::size_t dc_at = 60;

aes_ctr keyed_by(std::span<const std::uint8_t, key_and_iv> material, const secret16& secret) {
  iv16 iv;
  std::ranges::copy(material.subspan<32>(), iv.begin());
  return {sha256({material.first<32>(), secret}), iv};
}

/// Bytes 8..55 as they stand key the stream to the server, reversed the one from it.
aes_ctr to_server_stream(header_view header, const secret16& secret) {
  return keyed_by(header.subspan<key_at, key_and_iv>(), secret);
}

aes_ctr from_server_stream(header_view header, const secret16& secret) {
  std::array<std::uint8_t, key_and_iv> reversed;
  std::ranges::reverse_copy(header.subspan<key_at, key_and_iv>(), reversed.begin());
  return keyed_by(reversed, secret);
}

constexpr std::uint32_t tag_of(framing kind) noexcept {
  switch (kind) {
    case framing::abridged:
      return 0xefef'efef;
    case framing::intermediate:
      return 0xeeee'eeee;
    case framing::padded:
      return 0xdddd'dddd;
  }
  return 0;
}

std::optional<framing> framing_of(std::uint32_t tag) noexcept {
  for (const auto kind : {framing::abridged, framing::intermediate, framing::padded})
    if (tag == tag_of(kind)) return kind;
  return std::nullopt;
}

}  // namespace

result<obfuscated2_session> accept_obfuscated2(header_view header, const secret16& secret) {
  auto from_client = to_server_stream(header, secret);
  std::array<std::uint8_t, obfuscated2_header_size> plain;
  std::ranges::copy(header, plain.begin());
  from_client.apply(plain);
  const auto kind = framing_of(load_le<std::uint32_t>(byte_view{plain}.subspan(tag_at)));
  if (!kind) return fail(errc::unknown_protocol);
  return obfuscated2_session{.kind = *kind,
                             .dc = load_le<std::int16_t>(byte_view{plain}.subspan(dc_at)),
                             .from_client = std::move(from_client),
                             .to_client = from_server_stream(header, secret)};
}

obfuscated2_client make_obfuscated2(header_view random, const secret16& secret, framing kind,
                                    std::int16_t dc) {
  std::array<std::uint8_t, obfuscated2_header_size> plain;
  std::ranges::copy(random, plain.begin());
  store_le(byte_span{plain}.subspan(tag_at), tag_of(kind));
  store_le(byte_span{plain}.subspan(dc_at), dc);
  auto to_server = to_server_stream(plain, secret);
  auto from_server = from_server_stream(plain, secret);
  auto header = plain;
  to_server.apply(header);
  // Only tag, dc and the two bytes after them travel encrypted.
  std::copy_n(plain.begin(), tag_at, header.begin());
  return {
      .header = header, .to_server = std::move(to_server), .from_server = std::move(from_server)};
}

bool is_plain_start(byte_view header) noexcept {
  static constexpr std::array<std::uint32_t, 7> starts{
      0x4441'4548,  // HEAD
      0x5453'4f50,  // POST
      0x2054'4547,  // GET and a space
      0x4954'504f,  // OPTI
      0xdddd'dddd, 0xeeee'eeee,
      0x0201'0316,  // a TLS ClientHello of 512 bytes
  };
  const auto first = load_le<std::uint32_t>(header);
  const auto second = load_le<std::uint32_t>(header.subspan(4));
  return header[0] == 0xef || second == 0 || std::ranges::find(starts, first) != starts.end();
}

}  // namespace mtp
