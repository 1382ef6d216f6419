// Packets whose bytes follow from a number: both ends can make and check them at the cost of a
// memcpy or a memcmp. A tag that names the packet comes first, then a piece of one fixed pattern.
#pragma once

#include <array>

#include "codecs/base/bytes.hpp"

namespace mtp::test {

inline constexpr std::size_t packet_tag_size = 16;
/// The longest body there is a pattern for.
inline constexpr std::size_t max_packet_body = std::size_t{1} << 20;

/// The first bytes of packet `number`: looks like an encrypted message, and like no command.
[[nodiscard]] std::array<std::uint8_t, packet_tag_size> packet_tag(std::uint64_t number) noexcept;

/// What follows the tag, or is uploaded under that number: `size` pseudo-random bytes that begin at
/// a place of the pattern which depends on the number. Valid for ever. Requires
/// `size <= max_packet_body`.
[[nodiscard]] byte_view packet_body(std::uint64_t number, std::size_t size) noexcept;

}  // namespace mtp::test
