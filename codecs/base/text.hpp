// Bytes as text: hex and base64url, the two spellings of secrets.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "codecs/base/bytes.hpp"

namespace mtp {

/// Lower-case hex.
[[nodiscard]] std::string to_hex(byte_view in);
/// Upper and lower case. Nothing for an odd length or another character.
[[nodiscard]] std::optional<bytes> from_hex(std::string_view text);
/// base64url without padding (RFC 4648, section 5).
[[nodiscard]] std::string to_base64url(byte_view in);
/// Both alphabets, with or without padding. Nothing for anything else.
[[nodiscard]] std::optional<bytes> from_base64(std::string_view text);

/// `text` with every byte that is not printable ASCII replaced by '?': a peer's text for the log.
[[nodiscard]] std::string printable(std::string_view text);

/// `text` without blanks and line ends around it.
[[nodiscard]] std::string_view trimmed(std::string_view text) noexcept;

}  // namespace mtp
