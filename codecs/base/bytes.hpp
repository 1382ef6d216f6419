// Byte ranges and the integers in them. Everything the peers exchange is little-endian, except TLS
// record lengths, which are big-endian.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mtp {

/// Bytes with another owner; valid as long as the owner does not change them.
using byte_view = std::span<const std::uint8_t>;
/// The same, writable: codecs that work in place take these.
using byte_span = std::span<std::uint8_t>;
/// Bytes owned here.
using bytes = std::vector<std::uint8_t>;

/// Reads an integer from the first `sizeof(T)` bytes. Requires `in.size() >= sizeof(T)`.
template <std::integral T>
[[nodiscard]] T load_le(byte_view in) noexcept {
  static_assert(std::endian::native == std::endian::little, "a big-endian port swaps here");
  T value;
  std::memcpy(&value, in.data(), sizeof value);
  return value;
}

/// Writes an integer to the first `sizeof(T)` bytes. Requires `into.size() >= sizeof(T)`.
template <std::integral T>
void store_le(byte_span into, T value) noexcept {
  std::memcpy(into.data(), &value, sizeof value);
}

[[nodiscard]] inline std::uint16_t load_be16(byte_view in) noexcept {
  return static_cast<std::uint16_t>(in[0] << 8 | in[1]);
}

[[nodiscard]] inline std::uint32_t load_be24(byte_view in) noexcept {
  return std::uint32_t{in[0]} << 16 | std::uint32_t{in[1]} << 8 | in[2];
}

inline void store_be16(byte_span into, std::size_t value) noexcept {
  into[0] = static_cast<std::uint8_t>(value >> 8);
  into[1] = static_cast<std::uint8_t>(value);
}

/// Copies `in` to the front of `into`, where there is room for it. (std::ranges::copy goes byte by
/// byte at -O2.)
inline void copy_bytes(byte_span into, byte_view in) noexcept {
  // In steps: glibc copies larger blocks with "rep movsb", which AMD's Zen 3 and 4 do 20 times
  // slower if `into` begins up to 15 bytes behind `in`, modulo 4096.
  constexpr std::size_t step = 4096;
  for (; in.size() > step; in = in.subspan(step), into = into.subspan(step))
    std::memcpy(into.data(), in.data(), step);
  if (!in.empty()) std::memcpy(into.data(), in.data(), in.size());
}

inline void append(bytes& into, byte_view in) {
  into.insert(into.end(), in.begin(), in.end());
}

template <std::integral T>
void append_le(bytes& into, T value) {
  const auto at = into.size();
  into.resize(at + sizeof value);
  store_le(byte_span{into}.subspan(at), value);
}

inline void append_be16(bytes& into, std::size_t value) {
  into.push_back(static_cast<std::uint8_t>(value >> 8));
  into.push_back(static_cast<std::uint8_t>(value));
}

/// The bytes of a text, e.g. a protocol constant or an SNI.
[[nodiscard]] inline byte_view as_bytes(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Bytes seen as text; nothing is checked.
[[nodiscard]] inline std::string_view as_text(byte_view in) noexcept {
  return {reinterpret_cast<const char*>(in.data()), in.size()};
}

[[nodiscard]] inline bytes to_bytes(byte_view in) {
  return {in.begin(), in.end()};
}

}  // namespace mtp
