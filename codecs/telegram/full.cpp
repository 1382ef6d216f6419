#include "codecs/telegram/full.hpp"

#include "codecs/base/crypto.hpp"

namespace mtp {

namespace {

constexpr std::uint32_t filler = 4;

std::uint32_t sum(checksum kind, byte_view data) noexcept {
  return kind == checksum::crc32 ? crc32(data) : crc32c(data);
}

}  // namespace

std::size_t filler_prefix(byte_view in) noexcept {
  std::size_t size = 0;
  while (in.size() - size >= 4 && load_le<std::uint32_t>(in.subspan(size)) == filler)
    size += 4;
  return size;
}

decoded<std::size_t> full_decoder::length(byte_view in) const {
  // A length that can't be is refused at once, even if nothing else has arrived.
  if (in.size() < 4) return std::nullopt;
  const std::size_t length = load_le<std::uint32_t>(in);
  if (length % 4 != 0 || length < full_overhead || length > max_full_frame)
    return fail(errc::full_bad_length);
  if (in.size() < full_header) return std::nullopt;
  if (load_le<std::int32_t>(in.subspan(4)) != seqno_) return fail(errc::full_bad_seqno);
  return length;
}

decoded<full_frame> full_decoder::next(byte_view in) {
  const auto known = length(in);
  if (!known) return fail(known.error());
  if (!*known || in.size() < **known) return std::nullopt;
  const auto size = **known;
  const auto covered = in.first(size - 4);
  if (verify_ && load_le<std::uint32_t>(in.subspan(size - 4)) != sum(checksum_, covered))
    return fail(errc::full_bad_crc);
  ++seqno_;
  return full_frame{.body = covered.subspan(full_header), .consumed = size};
}

void full_encoder::encode(byte_view head, byte_view tail, bytes& into) {
  const auto at = into.size();
  const auto length = head.size() + tail.size() + full_overhead;
  append_le(into, static_cast<std::uint32_t>(length));
  append_le(into, seqno_++);
  append(into, head);
  append(into, tail);
  append_le(into, sum(checksum_, byte_view{into}.subspan(at)));
}

void full_encoder::encode(byte_view head, packet_buffer& tail) {
  copy_bytes(tail.grow_front(head.size()), head);
  const auto length = tail.size() + full_overhead;
  const auto prefix = tail.grow_front(full_header);
  store_le(prefix, static_cast<std::uint32_t>(length));
  store_le(prefix.subspan(4), seqno_++);
  const auto covered = tail.view();
  store_le(tail.grow_back(4), sum(checksum_, covered));
}

void pad_to_block(packet_buffer& into) {
  while (into.size() % aes_block != 0)
    store_le(into.grow_back(4), filler);
}

void pad_to_block(bytes& into, std::size_t from) {
  while ((into.size() - from) % aes_block != 0)
    append_le(into, filler);
}

}  // namespace mtp
