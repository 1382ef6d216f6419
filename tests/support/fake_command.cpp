#include "tests/support/fake_command.hpp"

#include <algorithm>
#include <array>

#include "codecs/base/crypto.hpp"

namespace mtp::test {

namespace {

constexpr std::array<std::uint8_t, 8> command_mark{0xfa, 0xce, 'c', 'o', 'm', 'm', 'a', 'n'};

}  // namespace

bytes encode(const fake_command& command) {
  bytes encoded = to_bytes(command_mark);
  append_le(encoded, static_cast<std::uint32_t>(command.action));
  append_le(encoded, command.size);
  append_le(encoded, command.count);
  append_le(encoded, command.number);
  return encoded;
}

std::optional<fake_command> decode_command(byte_view packet) {
  if (packet.size() < fake_command_size ||
      !std::ranges::equal(packet.first(command_mark.size()), command_mark))
    return std::nullopt;
  const auto rest = packet.subspan(command_mark.size());
  return fake_command{.action = static_cast<fake_command::code>(load_le<std::uint32_t>(rest)),
                      .size = load_le<std::uint32_t>(rest.subspan(4)),
                      .count = load_le<std::uint32_t>(rest.subspan(8)),
                      .number = load_le<std::uint64_t>(rest.subspan(12))};
}

bytes bulk_packet(std::uint32_t index, std::uint32_t size) {
  bytes body(size);
  std::uint32_t state = index * 2654435761U + 12345;
  for (std::size_t at = 0; at + 4 <= body.size(); at += 4) {
    state = state * 1664525U + 1013904223U;
    store_le(byte_span{body}.subspan(at), state | 1);
  }
  return body;
}

std::uint32_t quick_ack_token(byte_view packet) {
  return crc32(packet) | 0x8000'0000U;
}

}  // namespace mtp::test
