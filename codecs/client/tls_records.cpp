#include "codecs/client/tls_records.hpp"

#include <algorithm>

namespace mtp {

result<byte_span> tls_record_reader::feed(byte_span data) {
  std::size_t kept = 0;
  std::size_t at = 0;
  while (at < data.size()) {
    if (remaining_ > 0) {
      const auto part = std::min<std::size_t>(remaining_, data.size() - at);
      if (!skipping_) {
        std::memmove(data.data() + kept, data.data() + at, part);
        kept += part;
      }
      at += part;
      remaining_ = static_cast<std::uint16_t>(remaining_ - part);
      continue;
    }
    header_[header_size_++] = data[at++];
    if (header_size_ < header_.size()) continue;
    header_size_ = 0;
    const auto type = header_[0];
    if ((type != tls_application_data && type != tls_change_cipher_spec) || header_[1] != 3 ||
        header_[2] != 3)
      return fail(errc::tls_bad_record);
    skipping_ = type == tls_change_cipher_spec;
    remaining_ = load_be16(byte_view{header_}.subspan(3));
  }
  return data.first(kept);
}

void write_tls_record_header(std::span<std::uint8_t, tls_record_header_size> into,
                             std::uint8_t type, std::size_t payload) noexcept {
  into[0] = type;
  into[1] = 3;
  into[2] = 3;
  store_be16(into.subspan<3>(), payload);
}

void append_tls_records(byte_view payload, std::size_t max_payload, bytes& into) {
  while (!payload.empty()) {
    const auto part = payload.first(std::min(payload.size(), max_payload));
    std::array<std::uint8_t, tls_record_header_size> header;
    write_tls_record_header(header, tls_application_data, part.size());
    append(into, header);
    append(into, part);
    payload = payload.subspan(part.size());
  }
}

bytes make_sealed_tls_alert(std::span<const std::uint8_t, sealed_tls_alert_size> random) {
  bytes record;
  append_tls_records(random, random.size(), record);
  return record;
}

}  // namespace mtp
