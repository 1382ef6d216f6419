#include "codecs/intermediate.hpp"

namespace mtp::intermediate {

namespace {

constexpr std::size_t header = 4;
constexpr std::uint32_t ack_bit = 0x8000'0000;

}  // namespace

decoded<client_frame> decode(tail kind, byte_view in, std::size_t limit) {
  if (in.size() < header) return std::nullopt;
  const auto word = load_le<std::uint32_t>(in);
  const std::size_t length = word & ~ack_bit;
  if (length >= limit) return fail(errc::intermediate_max_size);
  if (kind == tail::forbidden && length % 4 != 0) return fail(errc::not_aligned);
  if (in.size() < header + length) return std::nullopt;
  return client_frame{.packet = in.subspan(header, length - length % 4),
                      .consumed = header + length,
                      .quick_ack = (word & ack_bit) != 0};
}

void encode(byte_view packet, byte_view padding, bool ask_ack, bytes& out) {
  const auto length = static_cast<std::uint32_t>(packet.size() + padding.size());
  append_le(out, std::uint32_t{length | (ask_ack ? ack_bit : 0)});
  append(out, packet);
  append(out, padding);
}

void encode_quick_ack(std::uint32_t confirm, bytes& out) {
  append_le(out, confirm);
}

decoded<server_frame> decode_server(tail kind, byte_view in, std::size_t limit) {
  if (in.size() < header) return std::nullopt;
  const auto word = load_le<std::uint32_t>(in);
  if ((word & ack_bit) != 0) return server_frame{.packet = {}, .consumed = header, .confirm = word};
  const auto frame = decode(kind, in, limit);
  if (!frame) return fail(frame.error());
  if (!*frame) return std::nullopt;
  return server_frame{
      .packet = (*frame)->packet, .consumed = (*frame)->consumed, .confirm = std::nullopt};
}

}  // namespace mtp::intermediate
