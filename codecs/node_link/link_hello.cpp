#include "codecs/node_link/link_hello.hpp"

#include <algorithm>

#include "codecs/base/field_reader.hpp"

namespace mtp {

namespace {

constexpr std::uint32_t magic = 0x4b4c544d;  // "MTLK"

void append_text(bytes& into, std::string_view text) {
  text = text.substr(0, max_link_text);
  into.push_back(static_cast<std::uint8_t>(text.size()));
  append(into, as_bytes(text));
}

std::string read_text(field_reader& in) {
  const auto size = in.le<std::uint8_t>();
  if (size > max_link_text) in.fail();
  std::string text{as_text(in.take(size))};
  // They are shown to people.
  for (const char c : text)
    if (c < ' ' || c > '~') in.fail();
  return text;
}

/// Seconds. Nodes subtract them: what no clock says is refused.
std::int64_t read_clock(field_reader& in) {
  constexpr std::int64_t end_of_time = std::int64_t{1} << 40;
  const auto time = in.le<std::int64_t>();
  if (time < -end_of_time || time > end_of_time) in.fail();
  return time;
}

bool has_offer(const link_offer& offer) noexcept {
  return offer.highest >= first_link_version_with_offer;
}

/// Of an offer, what has a place of its own.
constexpr std::size_t offer_size = sizeof(std::uint16_t) + sizeof(std::uint64_t);

/// The highest version stands at the beginning.
void append_offer(bytes& into, const link_offer& offer) {
  if (!has_offer(offer)) return;
  const auto additions =
      byte_view{offer.additions}.first(std::min(offer.additions.size(), max_link_additions));
  append_le(into, static_cast<std::uint16_t>(offer_size + additions.size()));
  append_le(into, offer.lowest);
  append_le(into, offer.capabilities);
  append(into, additions);
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
  bytes covered;
  append_le(covered, hello.node);
  append_le(covered, hello.session);
  append_le(covered, hello.clock);
  append(covered, hello.nonce);
  append_text(covered, hello.name);
  return covered;
}

/// The same before its proof is known: what proofs cover from version 4 on.
template <class Message>
Message unproven(Message message) {
  message.proof = {};
  return message;
}

}  // namespace

bytes encode_link_hello(const link_hello& hello) {
  bytes encoded;
  append_le(encoded, magic);
  append_le(encoded, hello.offer.highest);
  append_text(encoded, hello.build);
  append_text(encoded, hello.name);
  append_le(encoded, hello.node);
  append_le(encoded, hello.session);
  append_le(encoded, hello.clock);
  encoded.push_back(hello.has_cookie ? 1 : 0);
  append(encoded, hello.nonce);
  append(encoded, hello.proof);
  append_offer(encoded, hello.offer);
  return encoded;
}

result<link_hello> decode_link_hello(byte_view bytes_in) {
  field_reader in{bytes_in};
  link_hello hello;
  if (in.le<std::uint32_t>() != magic) in.fail();
  hello.offer = only_version(in.le<std::uint16_t>());
  hello.build = read_text(in);
  if (in.ok() && hello.offer.highest < oldest_link_version) return hello;
  hello.name = read_text(in);
  hello.node = in.le<std::uint64_t>();
  hello.session = in.le<std::uint64_t>();
  hello.clock = read_clock(in);
  const auto has_cookie = in.le<std::uint8_t>();
  if (has_cookie > 1) in.fail();
  hello.has_cookie = has_cookie == 1;
  hello.nonce = in.array<link_nonce{}.size()>();
  hello.proof = in.array<link_proof{}.size()>();
  read_offer(in, hello.offer);
  if (!in.complete()) return fail(errc::bad_link_hello);
  return hello;
}

bytes encode_link_answer(const link_answer& answer) {
  bytes encoded;
  append_le(encoded, magic);
  append_le(encoded, answer.offer.highest);
  encoded.push_back(static_cast<std::uint8_t>(answer.verdict));
  append_text(encoded, answer.build);
  append_text(encoded, answer.reason);
  append_text(encoded, answer.name);
  append_le(encoded, answer.node);
  append_le(encoded, answer.clock);
  append(encoded, answer.nonce);
  append(encoded, answer.proof);
  append_offer(encoded, answer.offer);
  return encoded;
}

result<link_answer> decode_link_answer(byte_view bytes_in) {
  field_reader in{bytes_in};
  link_answer answer;
  if (in.le<std::uint32_t>() != magic) in.fail();
  answer.offer = only_version(in.le<std::uint16_t>());
  const auto kind = in.le<std::uint8_t>();
  if (kind > static_cast<std::uint8_t>(link_answer::kind::refused)) in.fail();
  answer.verdict = static_cast<link_answer::kind>(kind);
  answer.build = read_text(in);
  answer.reason = read_text(in);
  if (in.ok() && answer.offer.highest < oldest_link_version) return answer;
  answer.name = read_text(in);
  answer.node = in.le<std::uint64_t>();
  answer.clock = read_clock(in);
  answer.nonce = in.array<link_nonce{}.size()>();
  answer.proof = in.array<link_proof{}.size()>();
  read_offer(in, answer.offer);
  if (!in.complete()) return fail(errc::bad_link_hello);
  return answer;
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

std::optional<link_terms> common_terms(const link_offer& offer, const link_offer& other) noexcept {
  const auto version = std::min(offer.highest, other.highest);
  if (version < offer.lowest || version < other.lowest) return std::nullopt;
  return link_terms{.version = version, .capabilities = offer.capabilities & other.capabilities};
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
