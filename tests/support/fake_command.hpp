// What clients of the stand-in for Telegram can ask it to do, and what both ends know of its
// answers.
#pragma once

#include <optional>

#include "codecs/base/bytes.hpp"

namespace mtp::test {

/// What a client can make the stand-in do, as a packet: mark, code, three numbers.
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
    /// Answers with tag and body of packet `number`, `size` bytes in all (see tagged_packet.hpp).
    part = 6,
    /// Brings the body of packet `number`, `size` bytes, behind the command. Answers with its tag;
    /// with CLOSE_EXT and a complaint if a byte is wrong.
    upload = 7,
  };
  code action = code::swallow;
  std::uint32_t size = 0;
  std::uint32_t count = 0;
  std::uint64_t number = 0;
};
/// Bytes of a command as a packet.
inline constexpr std::size_t fake_command_size = 28;
[[nodiscard]] bytes encode(const fake_command& command);
/// Nothing if the packet is no command.
[[nodiscard]] std::optional<fake_command> decode_command(byte_view packet);
/// The packet number `index` of a bulk answer: both ends can compute it.
[[nodiscard]] bytes bulk_packet(std::uint32_t index, std::uint32_t size);
/// The quick ack token of a packet.
[[nodiscard]] std::uint32_t quick_ack_token(byte_view packet);

}  // namespace mtp::test
