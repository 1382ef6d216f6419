#include "codecs/base/host_name.hpp"

#include <algorithm>

namespace mtp {

namespace {

constexpr std::size_t longest_label = 63;

bool is_decimal(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_label_letter(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_decimal(c) || c == '-' || c == '_';
}

bool is_label(std::string_view label) noexcept {
  return !label.empty() && label.size() <= longest_label && label.front() != '-' &&
         label.back() != '-' && std::ranges::all_of(label, is_label_letter);
}

std::string_view last_label(std::string_view name) noexcept {
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

}  // namespace

bool is_host_name(std::string_view text) noexcept {
  if (text.size() > max_host_name || std::ranges::all_of(last_label(text), is_decimal))
    return false;
  while (true) {
    const auto dot = text.find('.');
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

std::optional<std::string> normal_host_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (!is_host_name(text)) return std::nullopt;
  auto name = lower_case(text);
  // Resolvers of old take a last number in hexadecimal, too.
  if (last_label(name).starts_with("0x")) return std::nullopt;
  return name;
}

std::string lower_case(std::string_view text) {
  std::string lower{text};
  constexpr char to_lower = 'a' - 'A';
  for (auto& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + to_lower);
  return lower;
}

}  // namespace mtp
