#include "codecs/obfuscated_stream.hpp"

#include <utility>

namespace mtp {

obfuscated_reader::obfuscated_reader(aes_ctr cipher, envelope outer) : cipher_{std::move(cipher)} {
  if (outer == envelope::tls) records_.emplace();
}

obfuscated_reader::obfuscated_reader(aes_ctr cipher,
                                     const std::optional<tls_record_reader>& records,
                                     byte_view unwrapped)
    : cipher_{std::move(cipher)}, records_{records} {
  auto first = to_bytes(unwrapped);
  cipher_.apply(first);
  window_.open(first);
  window_.close();
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

bytes& obfuscated_writer::plain() {
  if (outer_ == envelope::tls && plain_.empty()) plain_.resize(tls_record_header_size);
  return plain_;
}

std::size_t obfuscated_writer::pending() const noexcept {
  return outer_ == envelope::tls && !plain_.empty() ? plain_.size() - tls_record_header_size
                                                    : plain_.size();
}

bytes obfuscated_writer::take() {
  if (pending() == 0) return {};
  auto out = std::exchange(plain_, {});
  if (outer_ == envelope::none) {
    cipher_.apply(out);
    return out;
  }
  const auto payload = byte_span{out}.subspan(tls_record_header_size);
  cipher_.apply(payload);
  if (payload.size() <= max_record_) {
    write_tls_record_header(byte_span{out}.first<tls_record_header_size>(), tls_application_data,
                            payload.size());
    return out;
  }
  bytes records;
  records.reserve(payload.size() + (payload.size() / max_record_ + 1) * tls_record_header_size);
  append_tls_records(payload, max_record_, records);
  return records;
}

}  // namespace mtp
