#include "codecs/node_link/stream_frame.hpp"

#include "codecs/base/overloaded.hpp"

namespace mtp {

namespace {

// On the wire a frame is: kind (its event's place in the variant):u8, stream:u64, and the fields of
// the event, each of fixed size but a packet, which its length:u32 precedes.

constexpr std::uint8_t bit_tag = 1;
constexpr std::uint8_t bit_migrating = 2;
constexpr std::size_t open_bits = 4;  // values that the two make up

constexpr std::uint8_t kind_part = 8;

// A node ends the session at a kind, bit or reason that it does not know: what is added needs a bit
// in `link_capability`, and a number of its own above these.
static_assert(std::variant_size_v<stream::event> == kind_part);
static_assert(refusal_names.size() == 5);

void append_endpoint(bytes& into, const endpoint& at) {
  append(into, at.ip.mapped());
  append_le(into, at.port);
}

/// An enumerator or index below `count`.
std::uint8_t read_choice(field_reader& in, std::size_t count) noexcept {
  const auto value = in.le<std::uint8_t>();
  if (value < count) return value;
  in.fail();
  return 0;
}

endpoint read_endpoint(field_reader& in) noexcept {
  const auto ip = ip_address::v6(in.array<16>());
  return {.ip = ip, .port = in.le<std::uint16_t>()};
}

stream::open read_open(field_reader& in) {
  stream::open opening;
  opening.dc = in.le<dc_id>();
  opening.client = read_endpoint(in);
  opening.kind = static_cast<framing>(read_choice(in, 3));
  const auto bits = read_choice(in, open_bits);
  if ((bits & bit_tag) != 0) opening.tag = in.array<rpc::ad_tag{}.size()>();
  opening.migrating = (bits & bit_migrating) != 0;
  opening.waiting_bytes = in.le<std::uint32_t>();
  opening.waiting_packets = in.le<std::uint32_t>();
  return opening;
}

stream::data read_data(field_reader& in) {
  const bool quick_ack = read_choice(in, 2) != 0;
  const auto size = in.le<std::uint32_t>();
  return {.packet = packet_buffer{in.take(size)}, .quick_ack = quick_ack};
}

stream_part read_part(field_reader& in) noexcept {
  stream_part part;
  part.quick_ack = read_choice(in, 2) != 0;
  part.total = in.le<std::uint32_t>();
  const auto size = in.le<std::uint32_t>();
  part.content = in.take(size);
  if (size == 0 || part.total > max_parted_packet || size > part.total) in.fail();
  return part;
}

stream::event read_event(std::uint8_t kind, field_reader& in) {
  switch (kind) {
    case 0:
      return read_open(in);
    case 1:
      return stream::opened{in.le<dc_id>()};
    case 2:
      return stream::refused{static_cast<refusal>(read_choice(in, refusal_names.size()))};
    case 3:
      return stream::quick_ack{in.le<std::uint32_t>()};
    case 4:
      return stream::migrate{};
    case 5:
      return read_data(in);
    case 6: {
      const auto size = in.le<std::uint32_t>();
      return stream::ack{.size = size, .packets = in.le<std::uint32_t>()};
    }
    default:
      return stream::close{};
  }
}

}  // namespace

void begin_stream_blob(const stream_blob_header& header, bytes& into) {
  append_le(into, header.session);
  append_le(into, header.taken);
}

void encode_stream_part(stream_id stream, const stream_part& part, bytes& into) {
  into.push_back(kind_part);
  append_le(into, stream);
  into.push_back(part.quick_ack ? 1 : 0);
  append_le(into, part.total);
  append_le(into, static_cast<std::uint32_t>(part.content.size()));
  append(into, part.content);
}

void encode_stream_frame(const stream_frame& frame, bytes& into) {
  into.push_back(static_cast<std::uint8_t>(frame.event.index()));
  append_le(into, frame.stream);
  std::visit(
      overloaded{
          [&](const stream::open& in) {
            append_le(into, in.dc);
            append_endpoint(into, in.client);
            into.push_back(static_cast<std::uint8_t>(in.kind));
            into.push_back(static_cast<std::uint8_t>((in.tag ? bit_tag : 0) |
                                                     (in.migrating ? bit_migrating : 0)));
            if (in.tag) append(into, *in.tag);
            append_le(into, in.waiting_bytes);
            append_le(into, in.waiting_packets);
          },
          [&](const stream::opened& in) { append_le(into, in.dc); },
          [&](const stream::refused& in) { into.push_back(static_cast<std::uint8_t>(in.why)); },
          [&](const stream::quick_ack& in) { append_le(into, in.confirm); },
          [&](const stream::data& in) {
            into.push_back(in.quick_ack ? 1 : 0);
            append_le(into, static_cast<std::uint32_t>(in.packet.size()));
            append(into, in.packet.view());
          },
          [&](const stream::ack& in) {
            append_le(into, in.size);
            append_le(into, in.packets);
          },
          [](const auto& /*migrate, close: nothing more*/) {},
      },
      frame.event);
}

stream_blob_reader::stream_blob_reader(byte_view blob) noexcept
    : in_{blob.size() <= max_stream_blob ? blob : byte_view{}} {
  header_.session = in_.le<std::uint64_t>();
  header_.taken = in_.le<std::uint64_t>();
}

decoded<stream_blob_reader::item> stream_blob_reader::next() {
  if (in_.ok() && in_.at_end()) return std::nullopt;
  const auto kind = read_choice(in_, kind_part + 1);
  item parsed{.stream = in_.le<stream_id>(), .content = {}};
  if (kind == kind_part)
    parsed.content = read_part(in_);
  else
    parsed.content = read_event(kind, in_);
  if (!in_.ok()) return fail(errc::bad_stream_frame);
  return parsed;
}

}  // namespace mtp
