#include "codecs/client/secret.hpp"

#include <algorithm>
#include <array>
#include <cctype>

#include "codecs/base/address.hpp"
#include "codecs/base/text.hpp"

namespace mtp {

namespace {

constexpr std::uint8_t padded_mark = 0xdd;
constexpr std::uint8_t fake_tls_mark = 0xee;
constexpr std::size_t key_size = secret16{}.size();

bytes raw_secret(const proxy_secret& secret) {
  bytes encoded;
  if (secret.kind == secret_kind::padded) encoded.push_back(padded_mark);
  if (secret.kind == secret_kind::fake_tls) encoded.push_back(fake_tls_mark);
  append(encoded, secret.key);
  append(encoded, as_bytes(secret.domain));
  return encoded;
}

bool is_domain(std::string_view text) {
  return !text.empty() && text.size() <= max_domain_size &&
         std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

result<proxy_secret> from_raw(byte_view raw) {
  proxy_secret secret;
  if (raw.size() == key_size) {
    secret.kind = secret_kind::classic;
  } else if (raw.size() == key_size + 1 && raw[0] == padded_mark) {
    secret.kind = secret_kind::padded;
    raw = raw.subspan(1);
  } else if (raw.size() > key_size + 1 && raw[0] == fake_tls_mark) {
    secret.kind = secret_kind::fake_tls;
    secret.domain = as_text(raw.subspan(key_size + 1));
    if (!is_domain(secret.domain)) return fail(errc::bad_secret);
    raw = raw.subspan(1);
  } else {
    return fail(errc::bad_secret);
  }
  std::copy_n(raw.begin(), key_size, secret.key.begin());
  return secret;
}

std::optional<std::string> percent_decode(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain += text[i];
      continue;
    }
    const auto byte = from_hex(text.substr(i + 1, 2));
    if (!byte || byte->size() != 1) return std::nullopt;
    plain += static_cast<char>((*byte)[0]);
    i += 2;
  }
  return plain;
}

/// A colon stays as it is: a query may carry it, and an IPv6 address stays readable.
std::string percent_encode(std::string_view text) {
  static constexpr std::string_view plain = "-._~:";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || plain.find(c) != std::string_view::npos)
      encoded += c;
    else
      encoded += '%' + to_hex({&byte, 1});
  }
  return encoded;
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool same_word(std::string_view word, std::string_view other) {
  return std::ranges::equal(word, other, {}, lower, lower);
}

/// Takes `word` off the front of `text`, in any case of its letters.
bool take(std::string_view& text, std::string_view word) {
  if (!same_word(text.substr(0, word.size()), word)) return false;
  text.remove_prefix(word.size());
  return true;
}

/// Takes scheme and host off the front of `text`.
bool take_place(std::string_view& text) {
  if (take(text, "tg:")) {
    take(text, "//");
    return true;
  }
  if (!take(text, "https://")) take(text, "http://");
  take(text, "www.");
  constexpr std::array<std::string_view, 3> hosts{"t.me", "telegram.me", "telegram.dog"};
  if (std::ranges::none_of(hosts, [&](auto host) { return take(text, host); })) return false;
  return take(text, "/") || take(text, ":443/") || take(text, ":80/");
}

/// The parameters of a proxy link; nothing if `text` is something else.
std::optional<std::string_view> query_of(std::string_view text) {
  text = trimmed(text.substr(0, text.find('#')));
  if (!take_place(text) || !take(text, "proxy")) return std::nullopt;
  take(text, "/");
  if (!take(text, "?")) return std::nullopt;
  return text;
}

/// The first value of the parameter `name`; nothing if there is none, or none that can be decoded.
std::optional<std::string> parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    auto item = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(item.size() + 1, query.size()));
    // Of a "&amp;" that was copied out of HTML.
    take(item, "amp;");
    const auto equals = item.find('=');
    if (equals != std::string_view::npos && same_word(item.substr(0, equals), name))
      return percent_decode(item.substr(equals + 1));
  }
  return std::nullopt;
}

/// A server without the brackets that an IPv6 address may stand in.
std::string without_brackets(std::string_view server) {
  if (server.starts_with('[') && server.ends_with(']') && server.size() > 2) {
    const auto inner = server.substr(1, server.size() - 2);
    if (inner.find(':') != std::string_view::npos && ip_address::parse(inner))
      return std::string{inner};
  }
  return std::string{server};
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
  const auto digits = text.substr(0, text.find_last_not_of('=') + 1);
  if (text.size() - digits.size() > 2) return fail(errc::bad_secret);
  if (const auto raw = from_base64(digits)) return from_raw(*raw);
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
  secret16 secret;
  std::copy_n(digest.begin(), secret.size(), secret.begin());
  return secret;
}

result<proxy_link> parse_link(std::string_view text) {
  const auto query = query_of(text);
  if (!query) return fail(errc::bad_link);
  const auto server = parameter(*query, "server");
  const auto port_text = parameter(*query, "port");
  const auto port = port_text ? parse_port(*port_text) : std::nullopt;
  const auto secret_text = parameter(*query, "secret");
  if (!server || server->empty() || server->size() > max_server_size || !port || !secret_text)
    return fail(errc::bad_link);
  auto secret = parse_secret(*secret_text);
  if (!secret) return fail(secret.error());
  return proxy_link{
      .server = without_brackets(*server), .port = *port, .secret = std::move(*secret)};
}

std::string format_tg_link(const proxy_link& link) {
  return "tg://proxy" + format_query(link);
}

std::string format_https_link(const proxy_link& link) {
  return "https://t.me/proxy" + format_query(link);
}

}  // namespace mtp
