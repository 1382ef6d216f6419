#include "codecs/node_link/link_hello.hpp"

#include <algorithm>

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

bool has_offer(const link_offer& offer) noexcept {
  return offer.highest >= first_link_version_with_offer;
}

/// Of an offer, what has a place of its own.
constexpr std::size_t offer_size = sizeof(std::uint16_t) + sizeof(std::uint64_t);

/// The highest version stands at the beginning.
void append_offer(bytes& out, const link_offer& offer) {
  if (!has_offer(offer)) return;
  const auto additions =
      byte_view{offer.additions}.first(std::min(offer.additions.size(), max_link_additions));
  append_le(out, static_cast<std::uint16_t>(offer_size + additions.size()));
  append_le(out, offer.lowest);
  append_le(out, offer.capabilities);
  append(out, additions);
}

void read_offer(field_reader& in, link_offer& offer) {
  if (!has_offer(offer)) return;
  const auto size = in.le<std::uint16_t>();
  if (size < offer_size || size > offer_size + max_link_additions) in.fail();
  offer.lowest = in.le<std::uint16_t>();
  offer.capabilities = in.le<std::uint64_t>();
  if (offer.lowest > offer.highest) in.fail();
  if (!in.ok()) return;
  const auto additions = in.take(size - offer_size);
  offer.additions.assign(additions.begin(), additions.end());
}

/// What is left of it, if the version is all that will be known.
link_offer only_version(std::uint16_t version) {
  return {.highest = version, .lowest = version, .capabilities = 0};
}

/// What proofs in version 3 cover.
bytes signed_part(const link_hello& hello) {
  bytes out;
  append_le(out, hello.node);
  append_le(out, hello.session);
  append_le(out, hello.clock);
  append(out, hello.nonce);
  append_text(out, hello.name);
  return out;
}

/// The same before its proof is known: what proofs cover from version 4 on.
template <class Message>
Message unproven(Message message) {
  message.proof = {};
  return message;
}

}  // namespace

bytes encode_link_hello(const link_hello& hello) {
  bytes out;
  append_le(out, magic);
  append_le(out, hello.offer.highest);
  append_text(out, hello.build);
  append_text(out, hello.name);
  append_le(out, hello.node);
  append_le(out, hello.session);
  append_le(out, hello.clock);
  out.push_back(hello.has_cookie ? 1 : 0);
  append(out, hello.nonce);
  append(out, hello.proof);
  append_offer(out, hello.offer);
  return out;
}

result<link_hello> decode_link_hello(byte_view bytes_in) {
  field_reader in{bytes_in};
  link_hello out;
  if (in.le<std::uint32_t>() != magic) in.fail();
  out.offer = only_version(in.le<std::uint16_t>());
  out.build = read_text(in);
  if (in.ok() && out.offer.highest < oldest_link_version) return out;
  out.name = read_text(in);
  out.node = in.le<std::uint64_t>();
  out.session = in.le<std::uint64_t>();
  out.clock = read_clock(in);
  const auto has_cookie = in.le<std::uint8_t>();
  if (has_cookie > 1) in.fail();
  out.has_cookie = has_cookie == 1;
  out.nonce = in.array<link_nonce{}.size()>();
  out.proof = in.array<link_proof{}.size()>();
  read_offer(in, out.offer);
  if (!in.complete()) return fail(errc::bad_link_hello);
  return out;
}

bytes encode_link_answer(const link_answer& answer) {
  bytes out;
  append_le(out, magic);
  append_le(out, answer.offer.highest);
  out.push_back(static_cast<std::uint8_t>(answer.what));
  append_text(out, answer.build);
  append_text(out, answer.reason);
  append_text(out, answer.name);
  append_le(out, answer.node);
  append_le(out, answer.clock);
  append(out, answer.nonce);
  append(out, answer.proof);
  append_offer(out, answer.offer);
  return out;
}

result<link_answer> decode_link_answer(byte_view bytes_in) {
  field_reader in{bytes_in};
  link_answer out;
  if (in.le<std::uint32_t>() != magic) in.fail();
  out.offer = only_version(in.le<std::uint16_t>());
  const auto kind = in.le<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(link_answer::kind::refused)) in.fail();
  out.what = static_cast<link_answer::kind>(kind);
  out.build = read_text(in);
  out.reason = read_text(in);
  if (in.ok() && out.offer.highest < oldest_link_version) return out;
  out.name = read_text(in);
  out.node = in.le<std::uint64_t>();
  out.clock = read_clock(in);
  out.nonce = in.array<link_nonce{}.size()>();
  out.proof = in.array<link_proof{}.size()>();
  read_offer(in, out.offer);
  if (!in.complete()) return fail(errc::bad_link_hello);
  return out;
}

link_proof prove_front(byte_view cookie, const link_nonce& of_back, const link_hello& hello) {
  if (!has_offer(hello.offer))
    return hmac_sha256(cookie, {as_bytes("front"), of_back, signed_part(hello)});
  return hmac_sha256(cookie, {as_bytes("4 front"), of_back, encode_link_hello(unproven(hello))});
}

link_proof prove_back(byte_view cookie, const link_hello& hello, const link_answer& answer) {
  if (!has_offer(hello.offer)) return hmac_sha256(cookie, {as_bytes("back"), signed_part(hello)});
  return hmac_sha256(cookie, {as_bytes("4 back"), encode_link_hello(unproven(hello)),
                              encode_link_answer(unproven(answer))});
}

// -- terms ----------------------------------------------------------------------------------------

std::optional<link_terms> common_terms(const link_offer& one, const link_offer& other) noexcept {
  const auto version = std::min(one.highest, other.highest);
  if (version < one.lowest || version < other.lowest) return std::nullopt;
  return link_terms{.version = version, .capabilities = one.capabilities & other.capabilities};
}

std::string describe_versions(const link_offer& offer) {
  const auto highest = std::to_string(offer.highest);
  return offer.only(offer.highest) ? highest : std::to_string(offer.lowest) + " to " + highest;
}

std::string describe_other_versions(const link_offer& theirs) {
  auto versions = describe_versions(theirs);
  return versions == describe_versions(link_offer{}) ? std::string{} : versions;
}

std::string describe_age(const link_offer& theirs, const link_terms& terms) {
  if (theirs.highest == link_version) return {};
  return (theirs.highest < link_version ? "; an older node: link version "
                                        : "; a newer node: link version ") +
         std::to_string(terms.version) + " is used, not " +
         std::to_string(std::max(theirs.highest, link_version));
}

void mark_fallback(link_nonce& nonce) noexcept {
  std::ranges::copy(fallback_mark, nonce.end() - fallback_mark.size());
}

bool is_fallback(const link_nonce& nonce) noexcept {
  return std::equal(fallback_mark.begin(), fallback_mark.end(), nonce.end() - fallback_mark.size());
}

}  // namespace mtp
