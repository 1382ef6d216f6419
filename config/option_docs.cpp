#include "config/option_docs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <vector>

#include "config/option_table.hpp"

namespace mtp::config {

namespace {

/// What is written about an option, whichever struct holds it.
struct documented {
  std::string path;
  std::string default_value;
  std::string applies;
  std::string meaning;
};

/// The default, in markdown.
template <class Target>
std::string default_of(const basic_option<Target>& row) {
  if (!row.shown_default.empty()) return std::string{row.shown_default};
  if (!row.value.show) return "none";
  const auto value = row.value.show(Target{});
  if (value == not_set) return "none";
  if (value.starts_with('"') || value.starts_with('[')) return '`' + value + '`';
  return row.unit.empty() ? value : value + ' ' + std::string{row.unit};
}

/// The line of documentation, with what numbers there may be.
template <class Target>
std::string meaning_of(const basic_option<Target>& row) {
  std::string meaning{row.line};
  if (row.value.bounds.empty()) return meaning;
  const auto& bounds = row.value.bounds;
  constexpr char to_upper = 'A' - 'a';
  return meaning + ' ' + static_cast<char>(bounds.front() + to_upper) + bounds.substr(1) + '.';
}

template <class Target>
documented describe(const basic_option<Target>& row) {
  return {.path = path_of(row),
          .default_value = default_of(row),
          .applies = std::string{to_string(row.applies)},
          .meaning = meaning_of(row)};
}

constexpr std::string_view ports_group = "ports";
constexpr std::string_view unused_group = "unused";

std::string table_line(const documented& row, bool original) {
  return fmt::format("| `{}`{} | {} | {} | {} |\n", row.path, original ? "" : " (+)",
                     row.default_value, row.applies, row.meaning);
}

/// The table of a group, with a line for each option that has a value; nothing for an unknown one.
std::optional<std::string> table_of(std::string_view name) {
  std::string text = "| Option | Default | Applies | Meaning |\n|---|---|---|---|\n";
  if (name == ports_group) {
    for (const auto& row : port_options())
      text += table_line(describe(row), row.original);
    return text;
  }
  const auto& groups = option_groups();
  const auto group = std::ranges::find(groups, name, &option_group::name);
  if (group == groups.end()) return std::nullopt;
  if (name == unused_group) text = "| Option | |\n|---|---|\n";
  for (const auto& row : group->options) {
    if (name == unused_group)
      text += fmt::format("| `{}` | {} |\n", path_of(row), meaning_of(row));
    else if (row.shape != option_shape::table)
      text += table_line(describe(row), row.original);
  }
  return text;
}

/// Markdown as plain text: `code` without its marks, [text](target) as text.
std::string plain(std::string_view markdown) {
  std::string text;
  while (!markdown.empty()) {
    const auto close = markdown.find(']');
    if (markdown.front() == '[' && close != std::string_view::npos &&
        markdown.substr(close).starts_with("](")) {
      text += plain(markdown.substr(1, close - 1));
      markdown.remove_prefix(std::min(markdown.size() - 1, markdown.find(')', close)) + 1);
      continue;
    }
    if (markdown.front() != '`') text += markdown.front();
    markdown.remove_prefix(1);
  }
  return text;
}

/// `text` in lines of a comment.
std::string comment_of(std::string_view text) {
  constexpr std::size_t longest_line = 100;
  std::string comment;
  std::string line = "#";
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    if (line.size() + 1 + word.size() > longest_line) {
      comment += line + '\n';
      line = "#";
    }
    line += ' ' + std::string{word};
  }
  return comment + line + '\n';
}

std::string comment_of(const documented& row) {
  auto text = plain(row.meaning);
  const auto normally = plain(row.default_value);
  if (!normally.starts_with("required")) text += " Default: " + normally + '.';
  return comment_of(text);
}

/// The option of this key in the table that a template's line is in ("" at the top).
std::optional<documented> find_option(std::string_view table, std::string_view key) {
  if (table == ports_group) {
    for (const auto& row : port_options())
      if (row.key == key) return describe(row);
    return std::nullopt;
  }
  for (const auto& group : option_groups())
    for (const auto& row : group.options)
      if (row.table == table && row.key == key && row.shape == option_shape::value)
        return describe(row);
  return std::nullopt;
}

/// The key of a line that sets an option, or would without its "#"; empty for any other line.
std::string_view key_of(std::string_view line) {
  if (line.starts_with('#')) line.remove_prefix(1);
  const auto end = line.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789");
  return end != std::string_view::npos && line.substr(end).starts_with(" = ") ? line.substr(0, end)
                                                                              : std::string_view{};
}

/// Takes the first line off `text`, with its end.
std::string_view take_line(std::string_view& text) {
  const auto line = text.substr(0, std::min(text.find('\n'), text.size() - 1) + 1);
  text.remove_prefix(line.size());
  return line;
}

}  // namespace

tl::expected<std::string, std::string> with_option_tables(std::string_view text) {
  constexpr std::string_view begin = "<!-- options: ";
  constexpr std::string_view end = "<!-- end -->\n";
  constexpr std::string_view close = " -->\n";
  std::set<std::string_view> missing{ports_group};
  for (const auto& group : option_groups())
    missing.insert(group.name);
  std::string result;
  while (!text.empty()) {
    const auto line = take_line(text);
    result += line;
    if (!line.starts_with(begin) || !line.ends_with(close)) continue;
    const auto name = line.substr(begin.size(), line.size() - begin.size() - close.size());
    const auto table = table_of(name);
    const auto rest = text.find(end);
    if (!table) return tl::unexpected{fmt::format("no group of options is called {}", name)};
    if (rest == std::string_view::npos) return tl::unexpected{fmt::format("{} has no end", name)};
    result += '\n' + *table + '\n';
    text.remove_prefix(rest);
    missing.erase(name);
  }
  if (!missing.empty())
    return tl::unexpected{fmt::format("the options of {} have no place", *missing.begin())};
  return result;
}

tl::expected<std::string, std::string> with_option_comments(std::string_view text) {
  std::string result;
  std::string comment;
  std::string table;
  while (!text.empty()) {
    const auto line = take_line(text);
    if (line.starts_with("# ")) {
      comment += line;
      continue;
    }
    if (const auto key = key_of(line); !key.empty()) {
      const auto row = find_option(table, key);
      if (!row) return tl::unexpected{fmt::format("no option is called {} in [{}]", key, table)};
      comment = comment_of(*row);
    }
    result += comment;
    result += line;
    comment.clear();
    if (line.starts_with('[')) {
      const auto name = line.substr(line.find_first_not_of('['));
      table = name.substr(0, name.find(']'));
    }
  }
  return result + comment;
}

}  // namespace mtp::config
