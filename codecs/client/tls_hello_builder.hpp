// ClientHellos as programs of 2026 send them, for clients and probes of our own.
#pragma once

#include <string_view>

#include "codecs/client/mlkem768_key.hpp"
#include "codecs/client/x25519_share.hpp"

namespace mtp {

/// What a hello looks like.
enum class hello_shape : std::uint8_t {
  /// A browser of 2026, and Telegram's clients: GREASE, ECH, shares for X25519MLKEM768 and x25519,
  /// suites 1301, 1302, 1303, extensions in random order.
  browser,
  /// The same with an x25519 share only, as browsers were before 2024.
  x25519_only,
  /// curl with OpenSSL 3.5: no GREASE, both shares, suites 1302, 1303, 1301.
  no_grease,
};
inline constexpr std::size_t hello_shapes = 3;
inline constexpr std::array<hello_shape, hello_shapes> all_hello_shapes{
    hello_shape::browser, hello_shape::x25519_only, hello_shape::no_grease};
/// One name per enumerator, in order.
inline constexpr std::array<std::string_view, hello_shapes> hello_shape_names{
    "browser", "x25519_only", "no_grease"};

/// The suite that a hello of this shape lists first, GREASE aside. A server that takes it in all
/// shapes follows its clients.
[[nodiscard]] constexpr std::uint16_t first_suite(hello_shape shape) noexcept {
  return shape == hello_shape::no_grease ? 0x1302 : 0x1301;
}

/// Public keys of a hello. The x25519 ones should be points on the curve: programs send no others.
struct hello_keys {
  mlkem768_key mlkem;
  /// In the share for X25519MLKEM768.
  x25519_share hybrid;
  x25519_share plain;
  /// In ECH.
  x25519_share ech;
};

/// Bytes that a hello takes of the caller's randomness.
inline constexpr std::size_t hello_random_size = 512;

/// A hello in one record. `sni` has at most 253 bytes; empty: the hello names no server. Its random
/// starts at `client_random_at`, its session id has 32 bytes.
[[nodiscard]] bytes build_client_hello(hello_shape shape, std::string_view sni,
                                       const hello_keys& keys,
                                       std::span<const std::uint8_t, hello_random_size> random);

}  // namespace mtp
