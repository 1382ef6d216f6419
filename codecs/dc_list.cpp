#include "codecs/dc_list.hpp"

#include <algorithm>
#include <charconv>

namespace mtp {

namespace {

constexpr std::string_view blanks = " \t\r";

/// Takes the next blank-separated word off `line`.
std::string_view next_word(std::string_view& line) {
  const auto start = std::min(line.find_first_not_of(blanks), line.size());
  line.remove_prefix(start);
  const auto word = line.substr(0, line.find_first_of(blanks));
  line.remove_prefix(word.size());
  return word;
}

/// A line without its comment and its semicolon, wherever that stands.
std::string_view without_tail(std::string_view line) {
  line = line.substr(0, line.find('#'));
  const auto last = line.find_last_not_of(" \t\r;");
  return line.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

std::optional<dc_id> parse_dc(std::string_view word) {
  dc_id id = 0;
  const auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), id);
  if (status != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  return id;
}

/// False if the line is of a known kind and broken.
bool read_line(std::string_view line, dc_list& out) {
  line = without_tail(line);
  const auto kind = next_word(line);
  if (kind != "default" && kind != "proxy_for") return true;
  const auto dc = parse_dc(next_word(line));
  if (!dc) return false;
  if (kind == "default") {
    out.default_dc = dc;
    return next_word(line).empty();
  }
  const auto at = parse_endpoint(next_word(line));
  if (!at || !next_word(line).empty()) return false;
  auto& endpoints = out.endpoints[*dc];
  if (std::ranges::find(endpoints, *at) == endpoints.end()) endpoints.push_back(*at);
  return endpoints.size() <= max_endpoints_per_dc && out.endpoints.size() <= max_dcs;
}

}  // namespace

result<dc_list> parse_dc_list(std::string_view text) {
  if (text.size() > max_dc_list_text) return fail(errc::bad_dc_list);
  dc_list out;
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (!read_line(line, out)) return fail(errc::bad_dc_list);
  }
  if (out.endpoints.empty()) return fail(errc::bad_dc_list);
  return out;
}

std::string format_dc_list(const dc_list& list) {
  std::string out;
  if (list.default_dc) out += "default " + std::to_string(*list.default_dc) + ";\n";
  for (const auto& [dc, endpoints] : list.endpoints)
    for (const auto& at : endpoints)
      out += "proxy_for " + std::to_string(dc) + ' ' + to_string(at) + ";\n";
  return out;
}

}  // namespace mtp
