// The fake-TLS hello of older clients, for proxies that know no other.
#pragma once

#include <string_view>

#include "codecs/client/tls_client_hello.hpp"

namespace mtp::bench {

/// A ClientHello of 517 bytes with an x25519 share, as Telegram's clients sent before ML-KEM: the C
/// proxy takes no other (it wants 16 03 01 02). `random` supplies session id and share. The name
/// has at most 100 bytes.
inline constexpr std::size_t short_hello_random_size = 64;
[[nodiscard]] bytes make_short_hello(const secret16& secret, std::string_view sni,
                                     std::uint32_t unix_time,
                                     std::span<const std::uint8_t, short_hello_random_size> random);

}  // namespace mtp::bench
