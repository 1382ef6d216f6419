// Abridged framing: the length, in 4-byte words, in 1 byte below 0x7f, else 7f and 3 bytes.
#pragma once

#include "codecs/client/framing.hpp"

namespace mtp::abridged {

/// As `decode_frame_header`. Bit 7 of the first byte asks for a quick ack. The long form is
/// accepted for short packets too, as the Erlang and Python proxies do.
[[nodiscard]] decoded<client_frame_header> decode_header(byte_view in, std::size_t limit);
/// As `decode_frame`.
[[nodiscard]] decoded<client_frame> decode(byte_view in, std::size_t limit);

/// Appends one frame; `ask_ack` sets bit 7. Requires a multiple of 4 below 2^26 bytes.
void encode(byte_view packet, bool ask_ack, bytes& into);

/// As `encode_frame_header`. Requires the same.
void encode_header(packet_buffer& packet);

/// Appends a quick ack: big-endian here, so that bit 31 comes first and can't be a length.
void encode_quick_ack(std::uint32_t confirm, bytes& into);

/// The client's side.
[[nodiscard]] decoded<server_frame> decode_server(byte_view in, std::size_t limit);

}  // namespace mtp::abridged
