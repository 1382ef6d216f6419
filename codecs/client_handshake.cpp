#include "codecs/client_handshake.hpp"

#include <algorithm>

#include "codecs/secret.hpp"

namespace mtp {

namespace {

constexpr std::size_t tls_start_size = 3;
constexpr std::size_t key_material_at = 8;

}  // namespace

result<client_handshake::step> client_handshake::feed(byte_view data) {
  append(raw_, data);
  if (stage_ == stage::start) {
    if (looks_like_client_hello(raw_)) {
      if (raw_.size() < tls_start_size) return step{incomplete{}};
      stage_ = stage::hello;
    } else {
      stage_ = stage::header;
    }
  }
  return stage_ == stage::hello ? read_hello() : read_header();
}

result<client_handshake::step> client_handshake::read_hello() {
  auto whole = assembler_.next(raw_);
  if (!whole) return fail(whole.error());
  if (!*whole) {
    drop_raw(assembler_.take_consumed());
    return step{incomplete{}};
  }
  if (!options_.fake_tls) return fail(errc::disabled_protocol);
  const auto& record = (*whole)->record;
  auto parsed = parse_client_hello(record);
  if (!parsed) return fail(parsed.error());
  hello_ = std::move(*parsed);
  if (options_.per_sni_salt)
    options_.secret = derive_sni_secret(options_.secret, hello_.sni, *options_.per_sni_salt);
  const auto time = check_client_digest(record, options_.secret);
  if (!time) return fail(time.error());
  if (hello_.sni.empty()) return fail(errc::tls_no_sni);
  hello_size_ = (*whole)->consumed;
  return step{hello_received{.hello = &hello_, .client_time = *time}};
}

void client_handshake::drop_raw(std::size_t size) {
  raw_.erase(raw_.begin(), raw_.begin() + static_cast<std::ptrdiff_t>(size));
}

bytes client_handshake::answer(const server_flight_random& random) {
  stage_ = stage::header;
  records_.emplace();
  drop_raw(hello_size_);
  return make_server_flight(hello_, options_.secret, random);
}

bool client_handshake::lets_in(transport kind) const noexcept {
  // Every client that speaks fake-TLS speaks padded inside it.
  if (records_) return kind == transport::padded;
  switch (kind) {
    case transport::abridged:
      return options_.abridged;
    case transport::intermediate:
      return options_.intermediate;
    case transport::padded:
      return options_.padded;
  }
  return false;
}

result<client_handshake::step> client_handshake::read_header() {
  if (records_) {
    const auto payload = records_->feed(raw_);
    if (!payload) return fail(payload.error());
    append(inner_, *payload);
    raw_.clear();
  }
  const auto stream = byte_view{records_ ? inner_ : raw_};
  if (stream.size() < obfuscated2_header_size) return step{incomplete{}};
  if (!records_ && !options_.abridged && !options_.intermediate && !options_.padded)
    return fail(errc::tls_client_hello_expected);
  const auto header = stream.first<obfuscated2_header_size>();
  auto session = accept_obfuscated2(header, options_.secret);
  if (!session) return fail(session.error());
  if (!lets_in(session->kind)) return fail(errc::disabled_protocol);
  const auto rest = stream.subspan(obfuscated2_header_size);
  established out{.kind = session->kind,
                  .dc = session->dc,
                  .tls = records_.has_value(),
                  .sni = std::move(hello_.sni),
                  .header_key = {},
                  .reader = {std::move(session->from_client), records_, rest},
                  .writer = obfuscated_writer{std::move(session->to_client),
                                              records_ ? envelope::tls : envelope::none}};
  std::ranges::copy(header.subspan(key_material_at, out.header_key.size()), out.header_key.begin());
  return step{std::move(out)};
}

}  // namespace mtp
