#include "codecs/telegram/rpc_handshake.hpp"

#include <algorithm>
#include <cstdlib>

namespace mtp::rpc {

namespace {

constexpr std::uint32_t type_nonce = 0x7acb87aa;
constexpr std::uint32_t type_handshake = 0x7682eef5;
constexpr std::uint32_t type_handshake_error = 0x6a27beda;
constexpr std::size_t message_size = 32;
constexpr std::uint32_t handshake_reserved = 0xff;

void append_pid(bytes& into, const process_id& pid) {
  append_le(into, pid.ip);
  append_le(into, pid.port);
  append_le(into, pid.pid);
  append_le(into, pid.start_time);
}

process_id read_pid(byte_view in) noexcept {
  return {.ip = load_le<std::uint32_t>(in),
          .port = load_le<std::uint16_t>(in.subspan(4)),
          .pid = load_le<std::uint16_t>(in.subspan(6)),
          .start_time = load_le<std::uint32_t>(in.subspan(8))};
}

bool is_message(byte_view body, std::uint32_t type) noexcept {
  return body.size() >= message_size && load_le<std::uint32_t>(body) == type;
}

}  // namespace

void encode_nonce(const nonce_message& in, bytes& into) {
  append_le(into, type_nonce);
  append_le(into, in.key_selector);
  append_le(into, in.schema);
  append_le(into, in.time);
  append(into, in.nonce);
}

result<nonce_message> decode_nonce(byte_view body) {
  if (!is_message(body, type_nonce)) return fail(errc::rpc_malformed);
  nonce_message nonce{.key_selector = load_le<std::uint32_t>(body.subspan(4)),
                      .schema = load_le<std::uint32_t>(body.subspan(8)),
                      .time = load_le<std::uint32_t>(body.subspan(12)),
                      .nonce = {}};
  if (nonce.schema != schema_aes) return fail(errc::rpc_bad_schema);
  if (body.size() != message_size) return fail(errc::rpc_malformed);
  std::ranges::copy(body.subspan(16), nonce.nonce.begin());
  return nonce;
}

void encode_handshake(const handshake_message& in, bytes& into) {
  append_le(into, type_handshake);
  append_le(into, in.flags);
  append_pid(into, in.sender);
  append_pid(into, in.peer);
}

result<handshake_message> decode_handshake(byte_view body) {
  if (handshake_error_code(body) != 0) return fail(errc::rpc_refused);
  if (!is_message(body, type_handshake) || body.size() != message_size)
    return fail(errc::rpc_malformed);
  return handshake_message{.flags = load_le<std::uint32_t>(body.subspan(4)),
                           .sender = read_pid(body.subspan(8)),
                           .peer = read_pid(body.subspan(20))};
}

std::int32_t handshake_error_code(byte_view body) noexcept {
  if (body.size() != 20 || load_le<std::uint32_t>(body) != type_handshake_error) return 0;
  return load_le<std::int32_t>(body.subspan(4));
}

proxy_handshake::proxy_handshake(byte_view secret, const rpc_nonce& nonce, std::uint32_t unix_time,
                                 const process_id& self)
    : secret_{to_bytes(secret)},
      mine_{.key_selector = load_le<std::uint32_t>(secret),
            .schema = schema_aes,
            .time = unix_time,
            .nonce = nonce},
      self_{self} {}

bytes proxy_handshake::nonce() const {
  bytes encoded;
  encode_nonce(mine_, encoded);
  return encoded;
}

result<proxy_handshake::keys> proxy_handshake::on_nonce(byte_view body, const endpoint& dc,
                                                        const endpoint& self,
                                                        std::uint32_t unix_time) {
  const auto theirs = decode_nonce(body);
  if (!theirs) return fail(theirs.error());
  if (theirs->key_selector != mine_.key_selector) return fail(errc::rpc_bad_key_selector);
  skew_ = std::int64_t{theirs->time} - std::int64_t{unix_time};
  if (std::abs(skew_) > max_clock_skew) return fail(errc::rpc_clock_skew);
  const middle_key_input input{.server_nonce = theirs->nonce,
                               .client_nonce = mine_.nonce,
                               .client_time = mine_.time,
                               .server = dc,
                               .client = self,
                               .secret = secret_};
  return keys{.to_dc = derive_middle_key(input, key_purpose::client),
              .from_dc = derive_middle_key(input, key_purpose::server)};
}

bytes proxy_handshake::handshake(bool offer_crc32c) const {
  bytes encoded;
  // Our own id as the peer's too, as the Python and Erlang proxies do: middle proxies ignore it,
  // and a peer that sends the message back as it came is accepted.
  encode_handshake({.flags = offer_crc32c ? handshake_crc32c : 0, .sender = self_, .peer = self_},
                   encoded);
  return encoded;
}

result<checksum> proxy_handshake::on_handshake(byte_view body) const {
  const auto answer = decode_handshake(body);
  if (!answer) return fail(answer.error());
  if ((answer->flags & handshake_reserved) != 0) return fail(errc::rpc_bad_flags);
  if (answer->peer != self_) return fail(errc::rpc_bad_pid);
  return (answer->flags & handshake_crc32c) != 0 ? checksum::crc32c : checksum::crc32;
}

}  // namespace mtp::rpc
