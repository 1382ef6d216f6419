// What clients of the stand-in for Telegram can ask it to do, and what both ends know of its
// answers.
#pragma once

#include <optional>

#include "codecs/bytes.hpp"

namespace mtp::test {

/// What a client can make the stand-in do, as a packet: mark, code, two numbers.
struct fake_command {
  enum class code : std::uint32_t {
    /// Answers with `count` packets of `size` bytes, each filled by `bulk_packet`.
    bulk = 1,
    /// Closes the client (CLOSE_EXT).
    close_client = 2,
    /// Answers with the 4-byte error -404.
    server_error = 3,
    /// Takes the packet and says nothing.
    swallow = 4,
    /// Closes the RPC connection that brought this.
    close_link = 5,
  };
  code what = code::swallow;
  std::uint32_t size = 0;
  std::uint32_t count = 0;
};
[[nodiscard]] bytes encode(const fake_command& command);
/// Nothing if the packet is no command.
[[nodiscard]] std::optional<fake_command> decode_command(byte_view packet);
/// The packet number `index` of a bulk answer: both ends can compute it.
[[nodiscard]] bytes bulk_packet(std::uint32_t index, std::uint32_t size);
/// The quick ack token of a packet.
[[nodiscard]] std::uint32_t quick_ack_token(byte_view packet);

}  // namespace mtp::test
