// Names of hosts: which texts are names, and which names are the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mtp {

/// The longest name, in bytes.
inline constexpr std::size_t max_host_name = 253;

/// Whether a name server could know `text`: labels of 1 to 63 letters, digits, "-" and "_" with
/// dots between them. An address is no name, nor is anything whose last label is a number
/// ("1.2.3.400").
[[nodiscard]] bool is_host_name(std::string_view text) noexcept;

/// The name in lower case, without the dot that may stand at its end; names that are the same in
/// DNS come out equal. Nothing for what is no name, or may be taken for an address ("1.2.3.0x4").
/// Letters that are not ASCII stand in names as "xn--...".
[[nodiscard]] std::optional<std::string> normal_host_name(std::string_view text);

/// `text` with its ASCII letters in lower case.
[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace mtp
