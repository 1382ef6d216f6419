#include "codecs/secret.hpp"

#include <algorithm>
#include <cctype>
#include <map>

#include "codecs/address.hpp"
#include "codecs/text.hpp"

namespace mtp {

namespace {

constexpr std::uint8_t padded_mark = 0xdd;
constexpr std::uint8_t fake_tls_mark = 0xee;
constexpr std::size_t key_size = secret16{}.size();

bytes raw_secret(const proxy_secret& secret) {
  bytes out;
  if (secret.kind == secret_kind::padded) out.push_back(padded_mark);
  if (secret.kind == secret_kind::fake_tls) out.push_back(fake_tls_mark);
  append(out, secret.key);
  append(out, as_bytes(secret.domain));
  return out;
}

bool is_domain(std::string_view text) {
  return !text.empty() && text.size() <= max_domain_size &&
         std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

result<proxy_secret> from_raw(byte_view raw) {
  proxy_secret out;
  if (raw.size() == key_size) {
    out.kind = secret_kind::classic;
  } else if (raw.size() == key_size + 1 && raw[0] == padded_mark) {
    out.kind = secret_kind::padded;
    raw = raw.subspan(1);
  } else if (raw.size() > key_size + 1 && raw[0] == fake_tls_mark) {
    out.kind = secret_kind::fake_tls;
    out.domain = as_text(raw.subspan(key_size + 1));
    if (!is_domain(out.domain)) return fail(errc::bad_secret);
    raw = raw.subspan(1);
  } else {
    return fail(errc::bad_secret);
  }
  std::copy_n(raw.begin(), key_size, out.key.begin());
  return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    out += static_cast<char>((*byte)[0]);
    i += 2;
  }
  return out;
}

/// Characters that a query value carries as they are; addresses in brackets keep theirs readable.
std::string percent_encode(std::string_view text) {
  static constexpr std::string_view plain = "-._~:[]";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || plain.find(c) != std::string_view::npos)
      out += c;
    else
      out += '%' + to_hex({&byte, 1});
  }
  return out;
}

std::optional<std::map<std::string, std::string>> parse_query(std::string_view query) {
  std::map<std::string, std::string> out;
  while (!query.empty()) {
    const auto item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    const auto equals = item.find('=');
    if (equals == std::string_view::npos) continue;
    auto value = percent_decode(item.substr(equals + 1));
    if (!value) return std::nullopt;
    out.emplace(item.substr(0, equals), std::move(*value));
  }
  return out;
}

std::string format_query(const proxy_link& link) {
  return "?server=" + percent_encode(link.server) + "&port=" + std::to_string(link.port) +
         "&secret=" + format_secret_hex(link.secret);
}

}  // namespace

result<proxy_secret> parse_secret(std::string_view text) {
  if (const auto raw = from_hex(text)) {
    if (auto secret = from_raw(*raw)) return secret;
  }
  if (const auto raw = from_base64(text)) return from_raw(*raw);
  return fail(errc::bad_secret);
}

std::string format_secret_hex(const proxy_secret& secret) {
  return to_hex(raw_secret(secret));
}

std::string format_secret_base64(const proxy_secret& secret) {
  return to_base64url(raw_secret(secret));
}

secret16 derive_sni_secret(const secret16& base, std::string_view sni, std::string_view salt) {
  const auto digest = sha256({as_bytes(salt), as_bytes(to_hex(base)), as_bytes(sni)});
  secret16 out;
  std::copy_n(digest.begin(), out.size(), out.begin());
  return out;
}

result<proxy_link> parse_link(std::string_view text) {
  static constexpr std::array<std::string_view, 8> prefixes{"tg://proxy?",
                                                            "https://t.me/proxy?",
                                                            "http://t.me/proxy?",
                                                            "https://telegram.me/proxy?",
                                                            "http://telegram.me/proxy?",
                                                            "https://telegram.dog/proxy?",
                                                            "http://telegram.dog/proxy?",
                                                            "t.me/proxy?"};
  const auto* const prefix =
      std::ranges::find_if(prefixes, [&](auto known) { return text.starts_with(known); });
  if (prefix == prefixes.end()) return fail(errc::bad_link);
  const auto query = parse_query(text.substr(prefix->size()));
  if (!query || !query->contains("server") || !query->contains("port") ||
      !query->contains("secret"))
    return fail(errc::bad_link);
  const auto port = parse_port(query->at("port"));
  if (!port || query->at("server").empty()) return fail(errc::bad_link);
  auto secret = parse_secret(query->at("secret"));
  if (!secret) return fail(secret.error());
  return proxy_link{.server = query->at("server"), .port = *port, .secret = std::move(*secret)};
}

std::string format_tg_link(const proxy_link& link) {
  return "tg://proxy" + format_query(link);
}

std::string format_https_link(const proxy_link& link) {
  return "https://t.me/proxy" + format_query(link);
}

}  // namespace mtp
