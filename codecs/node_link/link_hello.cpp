#include "codecs/node_link/link_hello.hpp"

#include "codecs/base/field_reader.hpp"

namespace mtp {

namespace {

constexpr std::uint32_t magic = 0x4b4c544d;  // "MTLK"

void append_text(bytes& out, std::string_view text) {
  text = text.substr(0, max_link_text);
  out.push_back(static_cast<std::uint8_t>(text.size()));
  append(out, as_bytes(text));
}

std::string read_text(field_reader& in) {
  const auto size = in.le<std::uint8_t>();
  if (size > max_link_text) in.fail();
  std::string out{as_text(in.take(size))};
  // They are shown to people.
  for (const char c : out)
    if (c < ' ' || c > '~') in.fail();
  return out;
}

/// Seconds. Nodes subtract them: what no clock says is refused.
std::int64_t read_clock(field_reader& in) {
  constexpr std::int64_t end_of_time = std::int64_t{1} << 40;
  const auto out = in.le<std::int64_t>();
  if (out < -end_of_time || out > end_of_time) in.fail();
  return out;
}

/// Numbers of 64 bits, and nonces and proofs, as part of what is signed.
bytes signed_part(const link_hello& hello) {
  bytes out;
  append_le(out, hello.node);
  append_le(out, hello.session);
  append_le(out, hello.clock);
  append(out, hello.nonce);
  append_text(out, hello.name);
  return out;
}

}  // namespace

bytes encode_link_hello(const link_hello& hello) {
  bytes out;
  append_le(out, magic);
  append_le(out, hello.version);
  append_text(out, hello.build);
  append_text(out, hello.name);
  append_le(out, hello.node);
  append_le(out, hello.session);
  append_le(out, hello.clock);
  out.push_back(hello.has_cookie ? 1 : 0);
  append(out, hello.nonce);
  append(out, hello.proof);
  return out;
}

result<link_hello> decode_link_hello(byte_view bytes_in) {
  field_reader in{bytes_in};
  link_hello out;
  if (in.le<std::uint32_t>() != magic) in.fail();
  out.version = in.le<std::uint16_t>();
  out.build = read_text(in);
  if (in.ok() && out.version != link_version) return out;
  out.name = read_text(in);
  out.node = in.le<std::uint64_t>();
  out.session = in.le<std::uint64_t>();
  out.clock = read_clock(in);
  const auto has_cookie = in.le<std::uint8_t>();
  if (has_cookie > 1) in.fail();
  out.has_cookie = has_cookie == 1;
  out.nonce = in.array<link_nonce{}.size()>();
  out.proof = in.array<link_proof{}.size()>();
  if (!in.complete()) return fail(errc::bad_link_hello);
  return out;
}

bytes encode_link_answer(const link_answer& answer) {
  bytes out;
  append_le(out, magic);
  append_le(out, answer.version);
  out.push_back(static_cast<std::uint8_t>(answer.what));
  append_text(out, answer.build);
  append_text(out, answer.reason);
  append_text(out, answer.name);
  append_le(out, answer.node);
  append_le(out, answer.clock);
  append(out, answer.nonce);
  append(out, answer.proof);
  return out;
}

result<link_answer> decode_link_answer(byte_view bytes_in) {
  field_reader in{bytes_in};
  link_answer out;
  if (in.le<std::uint32_t>() != magic) in.fail();
  out.version = in.le<std::uint16_t>();
  const auto kind = in.le<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(link_answer::kind::refused)) in.fail();
  out.what = static_cast<link_answer::kind>(kind);
  out.build = read_text(in);
  out.reason = read_text(in);
  if (in.ok() && out.version != link_version) return out;
  out.name = read_text(in);
  out.node = in.le<std::uint64_t>();
  out.clock = read_clock(in);
  out.nonce = in.array<link_nonce{}.size()>();
  out.proof = in.array<link_proof{}.size()>();
  if (!in.complete()) return fail(errc::bad_link_hello);
  return out;
}

link_proof prove_front(byte_view cookie, const link_nonce& of_back, const link_hello& hello) {
  return hmac_sha256(cookie, {as_bytes("front"), of_back, signed_part(hello)});
}

link_proof prove_back(byte_view cookie, const link_hello& hello) {
  return hmac_sha256(cookie, {as_bytes("back"), signed_part(hello)});
}

}  // namespace mtp
