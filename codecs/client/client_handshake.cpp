#include "codecs/client/client_handshake.hpp"

#include <algorithm>

#include "codecs/client/secret.hpp"
#include "codecs/client/tls_records.hpp"

namespace mtp {

namespace {

constexpr std::size_t tls_start_size = 3;
constexpr std::size_t key_material_at = 8;

/// How much of `in` its first record takes; of one that can't hold the start of a hello, its
/// header. Nothing until it is whole: only then the digest tells whose it is.
std::optional<std::size_t> first_record_size(byte_view in) noexcept {
  constexpr std::size_t message_at = tls_record_header_size;
  constexpr std::size_t message_header = 4;
  if (in.size() < message_at) return std::nullopt;
  const std::size_t length = load_be16(in.subspan(3));
  const auto message = in.subspan(message_at);
  const bool is_other = !message.empty() && message[0] != 1;
  const bool too_long = message.size() >= message_header &&
                        message_header + load_be24(message.subspan(1)) > max_client_hello;
  if (length > max_client_hello || is_other || too_long) return message_at;
  return message.size() < length ? std::nullopt : std::optional{message_at + length};
}

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
  const auto accept = [this](std::size_t size, std::uint32_t time) {
    hello_size_ = size;
    return step{hello_received{.hello = &hello_, .client_time = time}};
  };
  if (!looked_at_record_) {
    const auto size = first_record_size(raw_);
    if (!size) return step{incomplete{}};
    looked_at_record_ = true;
    if (const auto time = authenticate(byte_view{raw_}.first(*size))) return accept(*size, *time);
  }
  auto whole = assembler_.next(raw_);
  if (!whole) return fail(whole.error());
  if (!*whole) {
    drop_raw(assembler_.take_consumed());
    return step{incomplete{}};
  }
  const auto& record = (*whole)->record;
  if (const auto time = authenticate(record)) return accept((*whole)->consumed, *time);
  return fail(why_refused(record));
}

/// The client's clock if the hello was made with our secret. Nothing of its content is looked at
/// before, but the name that the secret depends on.
std::optional<std::uint32_t> client_handshake::authenticate(byte_view record) {
  auto secret = options_.secret;
  if (options_.per_sni_salt) {
    const auto sni = read_client_hello(record).sni;
    if (sni.empty()) return std::nullopt;
    secret = derive_sni_secret(secret, sni, *options_.per_sni_salt);
  }
  const auto time = check_client_digest(record, secret);
  if (!time) return std::nullopt;
  hello_ = read_client_hello(record);
  options_.secret = secret;
  return *time;
}

errc client_handshake::why_refused(byte_view record) {
  auto parsed = parse_client_hello(record);
  if (!parsed) return parsed.error();
  hello_ = std::move(*parsed);
  return errc::tls_invalid_digest;
}

void client_handshake::drop_raw(std::size_t size) {
  raw_.erase(raw_.begin(), raw_.begin() + static_cast<std::ptrdiff_t>(size));
}

bytes client_handshake::answer(const server_flight_plan& plan, const server_flight_random& random) {
  stage_ = stage::header;
  records_.emplace();
  drop_raw(hello_size_);
  return make_server_flight(hello_, options_.secret, plan, random);
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
  const auto header = stream.first<obfuscated2_header_size>();
  auto session = accept_obfuscated2(header, options_.secret);
  if (!session) return fail(session.error());
  const auto rest = stream.subspan(obfuscated2_header_size);
  established opened{.kind = session->kind,
                     .dc = session->dc,
                     .tls = records_.has_value(),
                     .sni = std::move(hello_.sni),
                     .header_key = {},
                     .reader = {std::move(session->from_client), records_, rest},
                     .writer = obfuscated_writer{std::move(session->to_client),
                                                 records_ ? envelope::tls : envelope::none}};
  std::ranges::copy(header.subspan(key_material_at, opened.header_key.size()),
                    opened.header_key.begin());
  return step{std::move(opened)};
}

}  // namespace mtp
