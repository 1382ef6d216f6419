#include "codecs/client/mlkem768_key.hpp"

#include <algorithm>

namespace mtp {

namespace {

constexpr std::uint64_t mlkem_modulus = 3329;
constexpr std::size_t mlkem_coefficients = 768;
constexpr std::size_t mlkem_rho_at = mlkem_coefficients * 12 / 8;

/// 32 random bits as a number below the modulus. Numbers differ in their frequency by less than one
/// in a million.
std::uint32_t coefficient(byte_view random, std::size_t index) {
  return static_cast<std::uint32_t>(
      load_le<std::uint32_t>(random.subspan(index * 4)) * mlkem_modulus >> 32);
}

}  // namespace

mlkem768_key make_mlkem768_key(std::span<const std::uint8_t, mlkem768_random_size> random) {
  mlkem768_key key{};
  for (std::size_t i = 0; i < mlkem_coefficients; i += 2) {
    // Two coefficients in three bytes, the low bits first.
    const auto pair = coefficient(random, i) | coefficient(random, i + 1) << 12;
    for (std::size_t byte = 0; byte < 3; ++byte)
      key[i / 2 * 3 + byte] = static_cast<std::uint8_t>(pair >> 8 * byte);
  }
  std::ranges::copy(random.subspan(mlkem_coefficients * 4), key.begin() + mlkem_rho_at);
  return key;
}

}  // namespace mtp
