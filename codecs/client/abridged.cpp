#include "codecs/client/abridged.hpp"

namespace mtp::abridged {

namespace {

constexpr std::uint8_t long_form = 0x7f;
constexpr std::uint8_t ack_bit = 0x80;

struct frame_length {
  std::size_t header;
  std::size_t packet;
};

/// The length at the front of `in`, whatever bit 7 says; nothing if it is not all there yet.
std::optional<frame_length> read_length(byte_view in) noexcept {
  if (in.empty()) return std::nullopt;
  const std::uint8_t words = in[0] & ~ack_bit;
  if (words != long_form) return frame_length{.header = 1, .packet = std::size_t{words} * 4};
  if (in.size() < 4) return std::nullopt;
  return frame_length{.header = 4, .packet = std::size_t{load_le<std::uint32_t>(in) >> 8} * 4};
}

}  // namespace

decoded<client_frame_header> decode_header(byte_view in, std::size_t limit) {
  const auto length = read_length(in);
  if (!length) return std::nullopt;
  if (length->packet >= limit) return fail(errc::abridged_max_size);
  return client_frame_header{.header = length->header,
                             .packet = length->packet,
                             .total = length->header + length->packet,
                             .quick_ack = (in[0] & ack_bit) != 0};
}

decoded<client_frame> decode(byte_view in, std::size_t limit) {
  return cut_frame(decode_header(in, limit), in);
}

void encode_header(packet_buffer& packet) {
  const auto words = static_cast<std::uint32_t>(packet.size() / 4);
  if (words < long_form)
    packet.grow_front(1)[0] = static_cast<std::uint8_t>(words);
  else
    store_le(packet.grow_front(4), std::uint32_t{words << 8 | long_form});
}

void encode(byte_view packet, bool ask_ack, bytes& into) {
  const auto words = static_cast<std::uint32_t>(packet.size() / 4);
  const std::uint8_t ack = ask_ack ? ack_bit : 0;
  if (words < long_form)
    into.push_back(static_cast<std::uint8_t>(words | ack));
  else
    append_le(into, std::uint32_t{words << 8 | long_form | ack});
  append(into, packet);
}

void encode_quick_ack(std::uint32_t confirm, bytes& into) {
  append_le(into, __builtin_bswap32(confirm));
}

decoded<server_frame> decode_server(byte_view in, std::size_t limit) {
  if (!in.empty() && (in[0] & ack_bit) != 0) {
    if (in.size() < 4) return std::nullopt;
    return server_frame{
        .packet = {}, .consumed = 4, .confirm = __builtin_bswap32(load_le<std::uint32_t>(in))};
  }
  const auto frame = decode(in, limit);
  if (!frame) return fail(frame.error());
  if (!*frame) return std::nullopt;
  return server_frame{
      .packet = (*frame)->packet, .consumed = (*frame)->consumed, .confirm = std::nullopt};
}

}  // namespace mtp::abridged
