#include "codecs/telegram/req_pq.hpp"

#include "codecs/base/field_reader.hpp"

namespace mtp {

namespace {

constexpr std::uint32_t type_req_pq = 0x60469778;
constexpr std::uint32_t type_req_pq_multi = 0xbe7e8ef1;
constexpr std::uint32_t type_res_pq = 0x05162463;
constexpr std::uint32_t type_vector = 0x1cb5c415;

/// 0x17ED48941A08F981, the example of the documentation: 1229739323 * 1402015859, as a TL string of
/// 8 bytes with 3 bytes of padding.
constexpr std::array<std::uint8_t, 12> example_pq{8,    0x17, 0xed, 0x48, 0x94, 0x1a,
                                                  0x08, 0xf9, 0x81, 0,    0,    0};
constexpr std::uint64_t example_fingerprint = 0xc3b42b026ce86b21;

bytes wrap(std::uint64_t message_id, byte_view body) {
  bytes request;
  append_le(request, std::uint64_t{0});  // auth_key_id: not encrypted
  append_le(request, message_id);
  append_le(request, static_cast<std::uint32_t>(body.size()));
  append(request, body);
  return request;
}

/// The body of an unencrypted message; empty if it is none. A padded transport may leave words
/// behind it.
byte_view unwrap(byte_view packet) noexcept {
  field_reader in{packet};
  const auto key = in.le<std::uint64_t>();
  in.le<std::uint64_t>();
  const auto body = in.take(in.le<std::uint32_t>());
  return key == 0 ? body : byte_view{};
}

}  // namespace

bytes make_req_pq(const pq_nonce& nonce, std::uint64_t message_id) {
  bytes body;
  append_le(body, type_req_pq_multi);
  append(body, nonce);
  return wrap(message_id, body);
}

result<pq_nonce> parse_req_pq(byte_view packet) {
  field_reader in{unwrap(packet)};
  const auto type = in.le<std::uint32_t>();
  const auto nonce = in.array<pq_nonce{}.size()>();
  if (!in.ok() || (type != type_req_pq && type != type_req_pq_multi))
    return fail(errc::rpc_malformed);
  return nonce;
}

bytes make_res_pq(const pq_nonce& nonce, const pq_nonce& server_nonce, std::uint64_t message_id) {
  bytes body;
  append_le(body, type_res_pq);
  append(body, nonce);
  append(body, server_nonce);
  append(body, example_pq);
  append_le(body, type_vector);
  append_le(body, std::uint32_t{1});
  append_le(body, example_fingerprint);
  return wrap(message_id, body);
}

result<pq_nonce> parse_res_pq(byte_view packet) {
  field_reader in{unwrap(packet)};
  const auto type = in.le<std::uint32_t>();
  const auto nonce = in.array<pq_nonce{}.size()>();
  if (!in.ok() || type != type_res_pq) return fail(errc::rpc_malformed);
  return nonce;
}

}  // namespace mtp
