#include "codecs/client/obfuscated_stream.hpp"

#include <iterator>
#include <utility>

namespace mtp {

namespace {

/// Packets from this size on go out from where they are; smaller ones are gathered.
constexpr std::size_t worth_no_copy = 2048;

}  // namespace

obfuscated_reader::obfuscated_reader(aes_ctr cipher, envelope outer) : cipher_{std::move(cipher)} {
  if (outer == envelope::tls) records_.emplace();
}

obfuscated_reader::obfuscated_reader(aes_ctr cipher,
                                     const std::optional<tls_record_reader>& records,
                                     byte_view unwrapped)
    : cipher_{std::move(cipher)}, records_{records} {
  auto first = to_bytes(unwrapped);
  cipher_.apply(first);
  window_.keep(first);
}

result<void> obfuscated_reader::feed(byte_span data) {
  auto payload = data;
  if (records_) {
    const auto unwrapped = records_->feed(data);
    if (!unwrapped) return fail(unwrapped.error());
    payload = *unwrapped;
  }
  cipher_.apply(payload);
  window_.open(payload);
  return {};
}

decoded<client_packet> obfuscated_reader::next(framing kind, std::size_t limit) {
  const auto header = decode_frame_header(kind, window_.front(max_frame_header), limit);
  if (!header) return fail(header.error());
  if (!*header) return std::nullopt;
  const auto& [before, size, total, quick_ack] = **header;
  const auto frame = window_.front(total);
  if (frame.size() < total) return std::nullopt;
  window_.consume(total);
  return client_packet{.packet = window_.claim(frame.subspan(before, size)),
                       .quick_ack = quick_ack};
}

bytes& obfuscated_writer::plain() {
  if (outer_ == envelope::tls && plain_.empty()) plain_.resize(tls_record_header_size);
  return plain_;
}

void obfuscated_writer::write(framing kind, packet_buffer packet, byte_view padding) {
  if (packet.size() < worth_no_copy) {
    auto& buffer = plain();
    const auto needed = buffer.size() + max_frame_header + packet.size() + padding.size();
    // At once, but never by less than half again: many small packets may follow.
    if (buffer.capacity() < needed) buffer.reserve(std::max(needed, buffer.capacity() * 2));
    return encode_frame(kind, packet.view(), padding, buffer);
  }
  seal();
  encode_frame_header(kind, padding.size(), packet);
  copy_bytes(packet.grow_back(padding.size()), padding);
  seal(std::move(packet));
}

std::size_t obfuscated_writer::pending() const noexcept {
  const bool has_header = outer_ == envelope::tls && !plain_.empty();
  return sealed_plain_ + plain_.size() - (has_header ? tls_record_header_size : 0);
}

/// What was appended to `plain`.
void obfuscated_writer::seal() {
  const auto size = pending() - sealed_plain_;
  if (size == 0) return;
  auto record = std::exchange(plain_, {});
  const auto payload = byte_span{record}.last(size);
  cipher_.apply(payload);
  sealed_plain_ += size;
  if (outer_ == envelope::none) {
    sealed_size_ += size;
    return append_chunk(sealed_, std::move(record));
  }
  auto most = sizes_.next();
  if (size <= most) {
    write_tls_record_header(byte_span{record}.first<tls_record_header_size>(), tls_application_data,
                            size);
    sealed_size_ += record.size();
    return append_chunk(sealed_, std::move(record));
  }
  bytes records;
  records.reserve(size + (size / most + 1) * tls_record_header_size);
  for (byte_view rest{payload}; !rest.empty();) {
    const auto part = rest.first(std::min<std::size_t>(rest.size(), most));
    append_tls_records(part, part.size(), records);
    rest = rest.subspan(part.size());
    if (!rest.empty()) most = sizes_.next();
  }
  sealed_size_ += records.size();
  append_chunk(sealed_, std::move(records));
}

void obfuscated_writer::seal(packet_buffer packet) {
  const auto payload = packet.span();
  cipher_.apply(payload);
  sealed_plain_ += payload.size();
  sealed_size_ += payload.size();
  if (outer_ == envelope::none) return append_chunk(sealed_, std::move(packet));
  auto most = sizes_.next();
  if (payload.size() <= most) {
    sealed_size_ += tls_record_header_size;
    write_tls_record_header(
        packet.grow_front(tls_record_header_size).first<tls_record_header_size>(),
        tls_application_data, payload.size());
    return append_chunk(sealed_, std::move(packet));
  }
  // The packet stays in one piece; the headers between its parts have memory of their own, which
  // must not move: room for as many as there may be.
  bytes headers((payload.size() / record_sizes::least + 1) * tls_record_header_size);
  auto header = byte_span{headers};
  for (byte_view rest{payload}; !rest.empty();) {
    const auto part = rest.first(std::min<std::size_t>(rest.size(), most));
    rest = rest.subspan(part.size());
    write_tls_record_header(header.first<tls_record_header_size>(), tls_application_data,
                            part.size());
    sealed_.push_back({.view = header.first(tls_record_header_size), .memory = {}});
    sealed_.push_back({.view = part, .memory = {}});
    header = header.subspan(tls_record_header_size);
    sealed_size_ += tls_record_header_size;
    if (!rest.empty()) most = sizes_.next();
  }
  sealed_[sealed_.size() - 2].memory = std::move(headers);
  sealed_.back().memory = std::move(packet);
}

std::size_t obfuscated_writer::take(std::vector<chunk>& into) {
  seal();
  if (into.empty()) {
    // And so an idle connection keeps no memory for chunks.
    into.swap(sealed_);
  } else {
    std::ranges::move(sealed_, std::back_inserter(into));
    sealed_.clear();
  }
  sealed_plain_ = 0;
  return std::exchange(sealed_size_, 0);
}

bytes obfuscated_writer::take() {
  std::vector<chunk> chunks;
  take(chunks);
  return join(chunks);
}

}  // namespace mtp
