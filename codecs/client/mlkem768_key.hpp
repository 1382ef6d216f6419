// A public key for ML-KEM-768 (FIPS 203) to show to a server. No secret is ever computed with it,
// so it needs no private key and no library.
#pragma once

#include <array>
#include <span>

#include "codecs/base/bytes.hpp"

namespace mtp {

inline constexpr std::size_t mlkem768_key_size = 1184;
using mlkem768_key = std::array<std::uint8_t, mlkem768_key_size>;

/// 4 bytes for each of the 768 coefficients, and 32 for the seed rho.
inline constexpr std::size_t mlkem768_random_size = std::size_t{768} * 4 + 32;

/// Turns random bytes into a key that is distributed as encapsulation keys are: three polynomials
/// of 256 coefficients below 3329, 12 bits each (ByteEncode12), then rho. A server checks the
/// coefficients (FIPS 203, 7.2) and ends the connection if one is too large, as those of random
/// bytes are.
[[nodiscard]] mlkem768_key make_mlkem768_key(
    std::span<const std::uint8_t, mlkem768_random_size> random);

}  // namespace mtp
