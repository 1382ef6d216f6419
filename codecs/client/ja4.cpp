#include "codecs/client/ja4.hpp"

#include <algorithm>
#include <vector>

#include "codecs/base/crypto.hpp"
#include "codecs/base/field_reader.hpp"
#include "codecs/base/text.hpp"
#include "codecs/client/tls_client_hello.hpp"
#include "codecs/client/tls_records.hpp"

namespace mtp {

namespace {

constexpr std::uint16_t ext_signature_algorithms = 0x000d;
constexpr std::uint16_t ext_alpn = 0x0010;

using code_list = std::vector<std::uint16_t>;

/// 16-bit codes without GREASE.
code_list read_codes(byte_view list) {
  code_list codes;
  for (; list.size() >= 2; list = list.subspan(2)) {
    const auto code = load_be16(list);
    if (!is_grease(code)) codes.push_back(code);
  }
  return codes;
}

/// What a hello says that JA4 is made of.
struct ja4_facts {
  std::uint16_t version = 0;
  code_list suites;
  code_list extensions;
  code_list algorithms;
  /// The first protocol.
  byte_view alpn;
};

void read_extension(std::uint16_t type, byte_view body, ja4_facts& into) {
  field_reader in{body};
  switch (type) {
    case ext_supported_versions: {
      const auto versions = read_codes(in.be_vector(1));
      if (!versions.empty()) into.version = std::ranges::max(versions);
      break;
    }
    case ext_signature_algorithms:
      into.algorithms = read_codes(in.be_vector(2));
      break;
    case ext_alpn:
      in.take(2);
      into.alpn = in.be_vector(1);
      break;
    default:
      break;
  }
}

result<ja4_facts> read_ja4_facts(byte_view record) {
  constexpr std::size_t message_header = 4;
  field_reader in{record};
  ja4_facts facts;
  in.take(tls_record_header_size + message_header);
  facts.version = static_cast<std::uint16_t>(in.be(2));
  in.take(client_random_size);
  in.be_vector(1);  // session id
  facts.suites = read_codes(in.be_vector(2));
  in.be_vector(1);  // compression
  // Old versions may have none.
  field_reader list{in.at_end() ? byte_view{} : in.be_vector(2)};
  while (!list.at_end()) {
    const auto type = static_cast<std::uint16_t>(list.be(2));
    const auto body = list.be_vector(2);
    if (!list.ok() || is_grease(type)) continue;
    facts.extensions.push_back(type);
    read_extension(type, body, facts);
  }
  if (!in.complete() || !list.ok()) return fail(errc::tls_bad_client_hello);
  return facts;
}

std::string_view version_text(std::uint16_t version) noexcept {
  switch (version) {
    case 0x0304:
      return "13";
    case 0x0303:
      return "12";
    case 0x0302:
      return "11";
    case 0x0301:
      return "10";
    case 0x0300:
      return "s3";
    case 0x0002:
      return "s2";
    default:
      return "00";
  }
}

void append_count(std::string& text, std::size_t count) {
  count = std::min<std::size_t>(count, 99);
  text.push_back(static_cast<char>('0' + count / 10));
  text.push_back(static_cast<char>('0' + count % 10));
}

bool is_alphanumeric(std::uint8_t byte) noexcept {
  return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
         (byte >= 'a' && byte <= 'z');
}

/// First and last character of the protocol, or of its hex if these are no letters or digits.
std::string alpn_text(byte_view protocol) {
  if (protocol.empty()) return "00";
  if (is_alphanumeric(protocol.front()) && is_alphanumeric(protocol.back()))
    return {static_cast<char>(protocol.front()), static_cast<char>(protocol.back())};
  const auto hex = to_hex(protocol);
  return {hex.front(), hex.back()};
}

void append_codes(std::string& text, const code_list& codes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const auto code : codes) {
    for (int shift = 12; shift >= 0; shift -= 4)
      text.push_back(digits[code >> shift & 15]);
    text.push_back(',');
  }
  if (!codes.empty()) text.pop_back();
}

/// The first 12 digits of a hash; zeros if there is nothing to hash.
std::string short_hash(std::string_view text) {
  if (text.empty()) return "000000000000";
  return to_hex(byte_view{sha256({as_bytes(text)})}.first(6));
}

}  // namespace

result<std::string> ja4_fingerprint(byte_view record) {
  auto facts = read_ja4_facts(record);
  if (!facts) return fail(facts.error());
  const bool named = std::ranges::count(facts->extensions, ext_server_name) != 0;

  std::string text{"t"};
  text.append(version_text(facts->version)).push_back(named ? 'd' : 'i');
  append_count(text, facts->suites.size());
  append_count(text, facts->extensions.size());
  text.append(alpn_text(facts->alpn));

  std::ranges::sort(facts->suites);
  std::string suites;
  append_codes(suites, facts->suites);

  std::erase(facts->extensions, ext_server_name);
  std::erase(facts->extensions, ext_alpn);
  std::ranges::sort(facts->extensions);
  std::string extensions;
  append_codes(extensions, facts->extensions);
  if (!facts->algorithms.empty()) {
    extensions.push_back('_');
    append_codes(extensions, facts->algorithms);
  }
  return text.append("_").append(short_hash(suites)).append("_").append(short_hash(extensions));
}

}  // namespace mtp
