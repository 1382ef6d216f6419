// obfuscated2: the 64-byte header that opens every client connection, and the two AES-256-CTR
// streams it keys. Facts: doc/wire/obfuscated2.md.
#pragma once

#include <span>

#include "codecs/base/crypto.hpp"
#include "codecs/client/framing.hpp"

namespace mtp {

inline constexpr std::size_t obfuscated2_header_size = 64;

/// The result of a header for the server.
struct obfuscated2_session {
  framing kind;
  /// As the client wrote it: media is negative, test DCs are 10000 and more, CDN is 203.
  std::int16_t dc;
  /// Positioned behind the header: decrypts the bytes that follow it.
  aes_ctr from_client;
  aes_ctr to_client;
};

/// Opens a client's header. Error: `unknown_protocol`. No byte of the header is refused for its
/// value: clients behind fake-TLS send any.
[[nodiscard]] result<obfuscated2_session> accept_obfuscated2(
    std::span<const std::uint8_t, obfuscated2_header_size> header, const secret16& secret);

/// The client's side.
struct obfuscated2_client {
  std::array<std::uint8_t, obfuscated2_header_size> header;
  aes_ctr to_server;
  aes_ctr from_server;
};

/// Makes a header from 64 random bytes, of which it replaces tag and dc. If the header is not sent
/// inside fake-TLS, the caller's randomness must avoid the starts that `is_plain_start` names.
[[nodiscard]] obfuscated2_client make_obfuscated2(
    std::span<const std::uint8_t, obfuscated2_header_size> random, const secret16& secret,
    framing kind, std::int16_t dc);

/// Whether clients avoid a header that starts so, because it looks like another protocol.
[[nodiscard]] bool is_plain_start(byte_view header) noexcept;

}  // namespace mtp
