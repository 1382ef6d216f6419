#include "codecs/obfuscated_stream.hpp"

#include <utility>

namespace mtp {

result<void> obfuscated_reader::feed(byte_span data) {
  auto payload = data;
  if (outer_ == envelope::tls) {
    const auto unwrapped = records_.feed(data);
    if (!unwrapped) return fail(unwrapped.error());
    payload = *unwrapped;
  }
  cipher_.apply(payload);
  window_.open(payload);
  return {};
}

bytes& obfuscated_writer::plain() {
  if (outer_ == envelope::tls && plain_.empty()) plain_.resize(tls_record_header_size);
  return plain_;
}

std::size_t obfuscated_writer::pending() const noexcept {
  return outer_ == envelope::tls && !plain_.empty() ? plain_.size() - tls_record_header_size
                                                    : plain_.size();
}

bytes obfuscated_writer::take() {
  auto out = std::exchange(plain_, {});
  if (outer_ == envelope::none || out.empty()) {
    cipher_.apply(out);
    return out;
  }
  const auto payload = byte_span{out}.subspan(tls_record_header_size);
  cipher_.apply(payload);
  if (payload.size() <= max_tls_record_payload) {
    write_tls_record_header(byte_span{out}.first<tls_record_header_size>(), tls_application_data,
                            payload.size());
    return out;
  }
  bytes records;
  records.reserve(payload.size() +
                  (payload.size() / max_tls_record_payload + 1) * tls_record_header_size);
  append_tls_records(payload, max_tls_record_payload, records);
  return records;
}

}  // namespace mtp
