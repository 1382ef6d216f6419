#include "codecs/client/tls_client_hello.hpp"

#include <algorithm>

#include "codecs/base/field_reader.hpp"
#include "codecs/client/tls_records.hpp"

namespace mtp {

namespace {

constexpr std::uint8_t handshake_client_hello = 1;
constexpr std::size_t handshake_header = 4;

constexpr std::size_t longest_session_id = 32;
constexpr std::size_t x25519_share_size = 32;
constexpr std::size_t x25519_mlkem768_share_size = 1184 + 32;

bounded_list<std::uint16_t, 3> tls13_suites(byte_view suites) noexcept {
  bounded_list<std::uint16_t, 3> offered;
  for (; suites.size() >= 2; suites = suites.subspan(2)) {
    const auto suite = load_be16(suites);
    const bool known = suite >= tls_aes_128_gcm_sha256 && suite <= tls_chacha20_poly1305_sha256;
    if (known && !offered.contains(suite)) offered.push_back(suite);
  }
  return offered;
}

/// server_name: a list of (type, name) with exactly one host name.
bool read_server_name(byte_view data, std::string& sni) {
  field_reader ext{data};
  field_reader list{ext.be_vector(2)};
  const auto type = list.be(1);
  const auto name = list.be_vector(2);
  if (!ext.complete() || !list.complete() || type != 0 || name.empty()) return false;
  sni = as_text(name);
  return true;
}

/// What was read, and whether it kept to the rules.
struct reading {
  client_hello hello;
  bool sound = true;
};

/// A vector as far as it is there.
byte_view read_vector(field_reader& in, std::size_t width, reading& into) {
  const auto size = in.be(width);
  if (!in.ok() || size > in.left()) into.sound = false;
  return in.take(std::min(size, in.left()));
}

void read_key_shares(byte_view data, reading& into) {
  field_reader ext{data};
  field_reader shares{read_vector(ext, 2, into)};
  while (!shares.at_end()) {
    const auto group = shares.be(2);
    const auto key = shares.be_vector(2);
    into.hello.x25519 |= group == group_x25519 && key.size() == x25519_share_size;
    into.hello.x25519_mlkem768 |=
        group == group_x25519_mlkem768 && key.size() == x25519_mlkem768_share_size;
  }
  if (!ext.complete() || !shares.ok()) into.sound = false;
}

void read_extensions(byte_view data, reading& into) {
  field_reader extensions{data};
  while (!extensions.at_end()) {
    const auto type = extensions.be(2);
    const auto body = read_vector(extensions, 2, into);
    auto& sni = into.hello.sni;
    if (type == ext_server_name && (!sni.empty() || !read_server_name(body, sni)))
      into.sound = false;
    if (type == ext_key_share) read_key_shares(body, into);
  }
}

reading read_hello(byte_view record) {
  field_reader in{record};
  reading found;
  in.take(tls_record_header_size + handshake_header + 2);  // and the legacy version, 03 03
  std::ranges::copy(in.take(client_random_size), found.hello.random.begin());
  const auto session_id = read_vector(in, 1, found);
  const auto suites = read_vector(in, 2, found);
  const auto compression = read_vector(in, 1, found);
  read_extensions(read_vector(in, 2, found), found);
  if (session_id.size() <= longest_session_id) found.hello.session_id = to_bytes(session_id);
  found.hello.suites = tls13_suites(suites);
  found.hello.grease = suites.size() >= 2 && is_grease(load_be16(suites));
  if (!in.complete() || session_id.size() > longest_session_id || suites.size() % 2 != 0 ||
      compression.empty())
    found.sound = false;
  return found;
}

/// What the message takes that starts with `head` and goes on with `more`, once its header says so.
std::optional<std::size_t> message_size(byte_view head, byte_view more) {
  std::array<std::uint8_t, handshake_header> header;
  if (head.size() + more.size() < header.size()) return std::nullopt;
  head = head.first(std::min(head.size(), header.size()));
  auto* const rest = std::ranges::copy(head, header.begin()).out;
  std::ranges::copy(more.first(header.size() - head.size()), rest);
  return header.size() + load_be24(byte_view{header}.subspan(1));
}

sha256_digest digest_of(byte_view record, const secret16& secret) {
  static constexpr std::array<std::uint8_t, client_random_size> zeros{};
  return hmac_sha256(secret, {record.first(client_random_at), zeros,
                              record.subspan(client_random_at + client_random_size)});
}

}  // namespace

bool looks_like_client_hello(byte_view in) noexcept {
  static constexpr std::array<std::uint8_t, 3> start{tls_handshake, 3, 1};
  return std::ranges::equal(in.first(std::min(in.size(), start.size())),
                            byte_view{start}.first(std::min(in.size(), start.size())));
}

decoded<client_hello_bytes> client_hello_assembler::next(byte_view in) {
  constexpr auto max_message = max_client_hello;
  record_.resize(std::max(record_.size(), tls_record_header_size));
  while (true) {
    const auto message = byte_view{record_}.subspan(tls_record_header_size);
    if (message.size() == message_size(message, {})) break;
    const auto rest = in.subspan(consumed_);
    if (rest.size() < tls_record_header_size) return std::nullopt;
    const std::size_t length = load_be16(rest.subspan(3));
    // 03 01 by custom, 03 03 is what records after the first may say.
    if (rest[0] != tls_handshake || rest[1] != 3 || (rest[2] != 1 && rest[2] != 3) || length == 0 ||
        length > max_message)
      return fail(errc::tls_bad_client_hello);
    auto body = rest.subspan(tls_record_header_size);
    body = body.first(std::min(body.size(), length));
    if (message.empty() && !body.empty() && body[0] != handshake_client_hello)
      return fail(errc::tls_bad_client_hello);
    const auto wanted = message_size(message, body);
    if (wanted && (*wanted > max_message || message.size() + length > *wanted))
      return fail(errc::tls_bad_client_hello);
    if (body.size() < length) return std::nullopt;
    append(record_, body);
    consumed_ += tls_record_header_size + length;
  }
  record_[0] = tls_handshake;
  record_[1] = 3;
  record_[2] = 1;
  store_be16(byte_span{record_}.subspan(3), record_.size() - tls_record_header_size);
  return client_hello_bytes{.record = std::move(record_), .consumed = consumed_};
}

result<client_hello> parse_client_hello(byte_view record) {
  auto read = read_hello(record);
  if (!read.sound) return fail(errc::tls_bad_client_hello);
  return std::move(read.hello);
}

client_hello read_client_hello(byte_view record) {
  return read_hello(record).hello;
}

result<std::uint32_t> check_client_digest(byte_view record, const secret16& secret) {
  if (record.size() < client_random_at + client_random_size) return fail(errc::tls_invalid_digest);
  const auto random = record.subspan(client_random_at, client_random_size);
  const auto expected = digest_of(record, secret);
  constexpr auto compared = client_digest_size;
  if (!equal_constant_time(byte_view{expected}.first(compared), random.first(compared)))
    return fail(errc::tls_invalid_digest);
  return load_le<std::uint32_t>(byte_view{expected}.subspan(compared)) ^
         load_le<std::uint32_t>(random.subspan(compared));
}

void sign_client_hello(byte_span record, const secret16& secret, std::uint32_t unix_time) {
  auto digest = digest_of(record, secret);
  const auto clock = byte_span{digest}.subspan(client_digest_size);
  store_le(clock, load_le<std::uint32_t>(clock) ^ unix_time);
  std::ranges::copy(digest, record.subspan(client_random_at).begin());
}

}  // namespace mtp
