// Randomness for protocols, from libcrypto's generator.
#pragma once

#include <array>
#include <random>

#include "codecs/base/bytes.hpp"
#include "codecs/client/x25519_share.hpp"

namespace mtp::net {

/// Fills `into` with unpredictable bytes. Throws crypto_error if the system has none.
void fill_random(byte_span into);

template <std::size_t N>
[[nodiscard]] std::array<std::uint8_t, N> random_array() {
  std::array<std::uint8_t, N> filled;
  fill_random(filled);
  return filled;
}

/// A fresh x25519 key share (codecs/client/x25519_share.hpp).
[[nodiscard]] x25519_share random_x25519_share();

/// Cheap numbers for sizes and delays, one generator per thread, seeded from `fill_random`.
[[nodiscard]] std::minstd_rand& fast_random();

/// A number in [low, high].
template <std::integral T>
[[nodiscard]] T random_between(T low, T high) {
  return std::uniform_int_distribution<T>{low, high}(fast_random());
}

}  // namespace mtp::net
