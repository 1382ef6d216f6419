#include "codecs/telegram/dc_list.hpp"

#include <algorithm>
#include <charconv>

#include "codecs/base/text.hpp"

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

enum class line_kind : std::uint8_t { other, good, broken };

line_kind read_line(std::string_view line, dc_list& into) {
  line = without_tail(line);
  const auto kind = next_word(line);
  if (kind != "default" && kind != "proxy_for") return line_kind::other;
  const auto dc = parse_dc(next_word(line));
  const auto at = kind == "proxy_for" ? parse_endpoint(next_word(line)) : std::nullopt;
  if (!dc || (kind == "proxy_for" && !at) || !next_word(line).empty()) return line_kind::broken;
  if (!at) {
    into.default_dc = dc;
    return line_kind::good;
  }
  const auto known = into.endpoints.find(*dc);
  if (known == into.endpoints.end()) {
    if (into.endpoints.size() == max_dcs) return line_kind::broken;
    into.endpoints[*dc] = {*at};
    return line_kind::good;
  }
  auto& endpoints = known->second;
  if (std::ranges::find(endpoints, *at) != endpoints.end()) return line_kind::good;
  if (endpoints.size() == max_endpoints_per_dc) return line_kind::broken;
  endpoints.push_back(*at);
  return line_kind::good;
}

}  // namespace

result<dc_list_reading> parse_dc_list(std::string_view text) {
  if (text.size() > max_dc_list_text) return fail(errc::bad_dc_list);
  dc_list_reading reading;
  std::size_t good = 0;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto kind = read_line(line, reading.list);
    if (kind == line_kind::good) ++good;
    if (kind == line_kind::broken && ++reading.broken_count <= max_broken_lines)
      reading.broken.push_back(
          {.number = number, .text = printable(line.substr(0, max_broken_line_text))});
  }
  if (good <= reading.broken_count || reading.list.endpoints.empty())
    return fail(errc::bad_dc_list);
  return reading;
}

std::string describe_broken_lines(const dc_list_reading& reading) {
  std::string text;
  for (const auto& line : reading.broken)
    text += (text.empty() ? "line " : ", line ") + std::to_string(line.number) + " \"" + line.text +
            '"';
  if (const auto more = reading.broken_count - reading.broken.size(); more > 0)
    text += " and " + std::to_string(more) + " more";
  return text;
}

std::string format_dc_list(const dc_list& list) {
  std::string text;
  if (list.default_dc) text += "default " + std::to_string(*list.default_dc) + ";\n";
  for (const auto& [dc, endpoints] : list.endpoints)
    for (const auto& at : endpoints)
      text += "proxy_for " + std::to_string(dc) + ' ' + to_string(at) + ";\n";
  return text;
}

}  // namespace mtp
