// Texts of operators or peers, as messages may quote them.
#pragma once

#include <string>
#include <string_view>

namespace mtp::config {

/// `text` without parts that may be a secret: 16 hexadecimal digits or more in a row.
[[nodiscard]] std::string without_secrets(std::string_view text);

/// `text` without names and passwords in URLs (RFC 3986, userinfo): all up to the last "@" of each,
/// as a password may have characters in it that a URL must not have.
[[nodiscard]] std::string without_passwords(std::string_view text);

/// `text` as a message may quote it: printable, at most 40 bytes, without passwords and without
/// parts that may be a secret in the wrong place (16 hexadecimal digits or more in a row).
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace mtp::config
