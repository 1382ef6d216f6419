// Intermediate framing: 4 bytes of length, then the packet; padded ("secure", dd) adds a random
// tail that the length counts.
#pragma once

#include "codecs/client/framing.hpp"

namespace mtp::intermediate {

/// Whether a length that is no multiple of 4 has a tail to cut (padded) or is an error.
enum class tail : std::uint8_t { forbidden, random };

/// As `decode_frame_header`. Bit 31 of the length asks for a quick ack. With a random tail `len &
/// 3` bytes are cut; longer tails go on as whole words, which Telegram's servers ignore.
[[nodiscard]] decoded<client_frame_header> decode_header(tail kind, byte_view in,
                                                         std::size_t limit);
/// As `decode_frame`.
[[nodiscard]] decoded<client_frame> decode(tail kind, byte_view in, std::size_t limit);

/// Appends one frame; `ask_ack` sets bit 31.
void encode(byte_view packet, byte_view padding, bool ask_ack, bytes& into);

/// As `encode_frame_header`.
void encode_header(std::size_t padding, packet_buffer& packet);

/// Appends a quick ack: bit 31 is set where a frame has its length.
void encode_quick_ack(std::uint32_t confirm, bytes& into);

/// The client's side.
[[nodiscard]] decoded<server_frame> decode_server(tail kind, byte_view in, std::size_t limit);

}  // namespace mtp::intermediate
