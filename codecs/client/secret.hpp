// Proxy secrets as users exchange them, and the links that carry them. Facts: doc/wire/secrets.md.
#pragma once

#include <string>

#include "codecs/base/bytes.hpp"
#include "codecs/base/crypto.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

/// What kind of connection a secret asks the client to make.
enum class secret_kind : std::uint8_t {
  /// 16 bytes: abridged or intermediate, as the client likes.
  classic,
  /// dd and 16 bytes: padded.
  padded,
  /// ee, 16 bytes and a domain: padded inside fake-TLS for that domain.
  fake_tls,
};

/// A longer domain is refused: clients cut there at the latest (TDLib 182, others 253).
inline constexpr std::size_t max_domain_size = 253;

struct proxy_secret {
  secret_kind kind = secret_kind::classic;
  secret16 key{};
  /// SNI of a fake-TLS secret, else empty.
  std::string domain;

  friend bool operator==(const proxy_secret&, const proxy_secret&) = default;
};

/// Reads hex (32 digits; dd or ee in front; any case) or base64/base64url of the same bytes, with
/// at most two '=' behind it. Error: `bad_secret`.
[[nodiscard]] result<proxy_secret> parse_secret(std::string_view text);
/// In hex, which every client reads (base64 fails on iOS, says the Python proxy).
[[nodiscard]] std::string format_secret_hex(const proxy_secret& secret);
[[nodiscard]] std::string format_secret_base64(const proxy_secret& secret);

/// The secret of the users of one domain: the first half of SHA256(salt + hex of `base` + sni),
/// derived as in the Erlang original.
[[nodiscard]] secret16 derive_sni_secret(const secret16& base, std::string_view sni,
                                         std::string_view salt);

/// A longer server is refused, as by TDLib. Bytes.
inline constexpr std::size_t max_server_size = 255;

/// The content of a proxy link.
struct proxy_link {
  /// A host name, or an address. IPv6 has no brackets: only TDLib takes them off, Android and
  /// tdesktop look for a host of that name.
  std::string server;
  std::uint16_t port = 0;
  proxy_secret secret;

  friend bool operator==(const proxy_link&, const proxy_link&) = default;
};

/// Reads tg://proxy?..., tg:proxy?..., https://t.me/proxy?... and their other spellings that
/// official clients take (doc/wire/secrets.md), with blanks around it. Errors: `bad_link`,
/// `bad_secret`.
[[nodiscard]] result<proxy_link> parse_link(std::string_view text);
[[nodiscard]] std::string format_tg_link(const proxy_link& link);
[[nodiscard]] std::string format_https_link(const proxy_link& link);

}  // namespace mtp
