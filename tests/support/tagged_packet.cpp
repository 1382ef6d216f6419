#include "tests/support/tagged_packet.hpp"

#include <algorithm>
#include <random>

namespace mtp::test {

namespace {

constexpr std::array<std::uint8_t, 8> auth_key_id{0xb0, 0xd1, 'b', 'e', 'n', 'c', 'h', 0x01};
/// Places to begin at: few enough that small packets leave the processor's caches alone.
constexpr std::size_t places = std::size_t{1} << 16;

const bytes& pattern() {
  static const bytes all = [] {
    bytes filled(max_packet_body + places);
    std::mt19937_64 random{20260101};
    for (std::size_t at = 0; at < filled.size(); at += sizeof(std::uint64_t))
      store_le(byte_span{filled}.subspan(at), std::uint64_t{random()});
    return filled;
  }();
  return all;
}

}  // namespace

std::array<std::uint8_t, packet_tag_size> packet_tag(std::uint64_t number) noexcept {
  std::array<std::uint8_t, packet_tag_size> tag;
  std::ranges::copy(auth_key_id, tag.begin());
  store_le(byte_span{tag}.subspan(auth_key_id.size()), number);
  return tag;
}

byte_view packet_body(std::uint64_t number, std::size_t size) noexcept {
  constexpr std::uint64_t mixer = 0x9e37'79b9'7f4a'7c15;
  return byte_view{pattern()}.subspan((number * mixer >> 32) % places, size);
}

}  // namespace mtp::test
