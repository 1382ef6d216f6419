#include "codecs/client_transport.hpp"

#include "codecs/abridged.hpp"
#include "codecs/intermediate.hpp"

namespace mtp {

namespace {

intermediate::tail tail_of(transport kind) noexcept {
  return kind == transport::padded ? intermediate::tail::random : intermediate::tail::forbidden;
}

}  // namespace

std::string_view to_string(transport kind) noexcept {
  switch (kind) {
    case transport::abridged:
      return "mtp_abridged";
    case transport::intermediate:
      return "mtp_intermediate";
    case transport::padded:
      return "mtp_secure";
  }
  return {};
}

decoded<client_frame_header> decode_frame_header(transport kind, byte_view in, std::size_t limit) {
  if (kind == transport::abridged) return abridged::decode_header(in, limit);
  return intermediate::decode_header(tail_of(kind), in, limit);
}

decoded<client_frame> cut_frame(const decoded<client_frame_header>& header, byte_view in) {
  if (!header) return fail(header.error());
  if (!*header || in.size() < (*header)->total) return std::nullopt;
  return client_frame{.packet = in.subspan((*header)->header, (*header)->packet),
                      .consumed = (*header)->total,
                      .quick_ack = (*header)->quick_ack};
}

decoded<client_frame> decode_frame(transport kind, byte_view in, std::size_t limit) {
  return cut_frame(decode_frame_header(kind, in, limit), in);
}

void encode_frame_header(transport kind, std::size_t padding, packet_buffer& packet) {
  if (kind == transport::abridged)
    abridged::encode_header(packet);
  else
    intermediate::encode_header(padding, packet);
}

void encode_frame(transport kind, byte_view packet, byte_view padding, bytes& out) {
  if (kind == transport::abridged)
    abridged::encode(packet, false, out);
  else
    intermediate::encode(packet, padding, false, out);
}

void encode_frame_asking_ack(transport kind, byte_view packet, byte_view padding, bytes& out) {
  if (kind == transport::abridged)
    abridged::encode(packet, true, out);
  else
    intermediate::encode(packet, padding, true, out);
}

void encode_quick_ack(transport kind, std::uint32_t confirm, bytes& out) {
  if (kind == transport::abridged)
    abridged::encode_quick_ack(confirm, out);
  else
    intermediate::encode_quick_ack(confirm, out);
}

decoded<server_frame> decode_server_frame(transport kind, byte_view in, std::size_t limit) {
  if (kind == transport::abridged) return abridged::decode_server(in, limit);
  return intermediate::decode_server(tail_of(kind), in, limit);
}

}  // namespace mtp
