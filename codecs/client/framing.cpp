#include "codecs/client/framing.hpp"

#include "codecs/client/abridged.hpp"
#include "codecs/client/intermediate.hpp"

namespace mtp {

namespace {

intermediate::tail tail_of(framing kind) noexcept {
  return kind == framing::padded ? intermediate::tail::random : intermediate::tail::forbidden;
}

}  // namespace

std::string_view to_string(framing kind) noexcept {
  switch (kind) {
    case framing::abridged:
      return "mtp_abridged";
    case framing::intermediate:
      return "mtp_intermediate";
    case framing::padded:
      return "mtp_secure";
  }
  return {};
}

decoded<client_frame_header> decode_frame_header(framing kind, byte_view in, std::size_t limit) {
  if (kind == framing::abridged) return abridged::decode_header(in, limit);
  return intermediate::decode_header(tail_of(kind), in, limit);
}

decoded<client_frame> cut_frame(const decoded<client_frame_header>& header, byte_view in) {
  if (!header) return fail(header.error());
  if (!*header || in.size() < (*header)->total) return std::nullopt;
  return client_frame{.packet = in.subspan((*header)->header, (*header)->packet),
                      .consumed = (*header)->total,
                      .quick_ack = (*header)->quick_ack};
}

decoded<client_frame> decode_frame(framing kind, byte_view in, std::size_t limit) {
  return cut_frame(decode_frame_header(kind, in, limit), in);
}

void encode_frame_header(framing kind, std::size_t padding, packet_buffer& packet) {
  if (kind == framing::abridged)
    abridged::encode_header(packet);
  else
    intermediate::encode_header(padding, packet);
}

void encode_frame(framing kind, byte_view packet, byte_view padding, bytes& into) {
  if (kind == framing::abridged)
    abridged::encode(packet, false, into);
  else
    intermediate::encode(packet, padding, false, into);
}

void encode_frame_asking_ack(framing kind, byte_view packet, byte_view padding, bytes& into) {
  if (kind == framing::abridged)
    abridged::encode(packet, true, into);
  else
    intermediate::encode(packet, padding, true, into);
}

void encode_quick_ack(framing kind, std::uint32_t confirm, bytes& into) {
  if (kind == framing::abridged)
    abridged::encode_quick_ack(confirm, into);
  else
    intermediate::encode_quick_ack(confirm, into);
}

decoded<server_frame> decode_server_frame(framing kind, byte_view in, std::size_t limit) {
  if (kind == framing::abridged) return abridged::decode_server(in, limit);
  return intermediate::decode_server(tail_of(kind), in, limit);
}

}  // namespace mtp
