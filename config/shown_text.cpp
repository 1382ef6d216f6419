#include "config/shown_text.hpp"

#include <algorithm>

#include "codecs/base/text.hpp"

namespace mtp::config {

namespace {

constexpr std::string_view not_shown = "(not shown)";

bool is_hex_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

std::string without_secrets(std::string_view text) {
  constexpr std::size_t shortest_secret = 16;
  std::string cleaned;
  while (!text.empty()) {
    const auto* const end = std::ranges::find_if_not(text, is_hex_digit);
    const auto run = static_cast<std::size_t>(end - text.begin());
    if (run >= shortest_secret)
      cleaned += not_shown;
    else
      cleaned += text.substr(0, std::max<std::size_t>(run, 1));
    text.remove_prefix(std::max<std::size_t>(run, 1));
  }
  return cleaned;
}

std::string without_passwords(std::string_view text) {
  constexpr std::string_view scheme_end = "://";
  std::string safe;
  while (true) {
    const auto scheme = text.find(scheme_end);
    if (scheme == std::string_view::npos) return safe += text;
    const auto begin = scheme + scheme_end.size();
    safe += text.substr(0, begin);
    text.remove_prefix(begin);
    const auto authority = text.substr(0, text.find_first_of("\" \n"));
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
      safe += not_shown;
      text.remove_prefix(at);
    }
  }
}

std::string shown(std::string_view text) {
  constexpr std::size_t longest = 40;
  return printable(without_secrets(without_passwords(text)).substr(0, longest));
}

}  // namespace mtp::config
