// Raw ClientHellos that measure what the cover site answers to programs of today. The answer is for
// `server_flight_reader`; the handshake goes no further.
#pragma once

#include "codecs/client/tls_hello_builder.hpp"

namespace mtp {

struct cover_probe {
  /// All that is sent.
  bytes record;
  /// For the reader: a TLS 1.3 server echoes it.
  std::array<std::uint8_t, 32> session_id;
};

/// Keys for a probe, fresh for each and on the curve (`make_x25519_share`): a site may check what
/// real programs never get wrong.
struct cover_probe_keys {
  x25519_share hybrid;
  x25519_share plain;
  x25519_share ech;
};

inline constexpr std::size_t cover_probe_random_size = hello_random_size + mlkem768_random_size;

/// `sni`: the name that clients send, at most 253 bytes; empty for a site without a name.
[[nodiscard]] cover_probe make_cover_probe(
    hello_shape shape, std::string_view sni, const cover_probe_keys& keys,
    std::span<const std::uint8_t, cover_probe_random_size> random);

}  // namespace mtp
