#include "codecs/client/intermediate.hpp"

namespace mtp::intermediate {

namespace {

constexpr std::size_t header_size = 4;
constexpr std::uint32_t ack_bit = 0x8000'0000;

}  // namespace

decoded<client_frame_header> decode_header(tail kind, byte_view in, std::size_t limit) {
  if (in.size() < header_size) return std::nullopt;
  const auto word = load_le<std::uint32_t>(in);
  const std::size_t length = word & ~ack_bit;
  if (length >= limit) return fail(errc::intermediate_max_size);
  if (kind == tail::forbidden && length % 4 != 0) return fail(errc::not_aligned);
  return client_frame_header{.header = header_size,
                             .packet = length - length % 4,
                             .total = header_size + length,
                             .quick_ack = (word & ack_bit) != 0};
}

decoded<client_frame> decode(tail kind, byte_view in, std::size_t limit) {
  return cut_frame(decode_header(kind, in, limit), in);
}

void encode_header(std::size_t padding, packet_buffer& packet) {
  const auto length = static_cast<std::uint32_t>(packet.size() + padding);
  store_le(packet.grow_front(header_size), length);
}

void encode(byte_view packet, byte_view padding, bool ask_ack, bytes& into) {
  const auto length = static_cast<std::uint32_t>(packet.size() + padding.size());
  append_le(into, std::uint32_t{length | (ask_ack ? ack_bit : 0)});
  append(into, packet);
  append(into, padding);
}

void encode_quick_ack(std::uint32_t confirm, bytes& into) {
  append_le(into, confirm);
}

decoded<server_frame> decode_server(tail kind, byte_view in, std::size_t limit) {
  if (in.size() < header_size) return std::nullopt;
  const auto word = load_le<std::uint32_t>(in);
  if ((word & ack_bit) != 0)
    return server_frame{.packet = {}, .consumed = header_size, .confirm = word};
  const auto frame = decode(kind, in, limit);
  if (!frame) return fail(frame.error());
  if (!*frame) return std::nullopt;
  return server_frame{
      .packet = (*frame)->packet, .consumed = (*frame)->consumed, .confirm = std::nullopt};
}

}  // namespace mtp::intermediate
