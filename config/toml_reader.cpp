#include "config/toml_reader.hpp"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "config/option_table.hpp"
#include "config/shown_text.hpp"

namespace mtp::config {

namespace {

/// An unknown key, for an error. A value may have got into its place, so it is shown only if it
/// could be the name of an option.
std::string shown_key(std::string_view key) {
  constexpr std::ptrdiff_t most_digits = 3;
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool is_name = !key.empty() && std::ranges::count_if(key, is_digit) <= most_digits &&
                       std::ranges::all_of(key, [&](char c) {
                         return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_';
                       });
  return is_name ? shown(key) : "(a key that is not shown)";
}

}  // namespace

const toml::node* toml_reader::find(std::string_view key) {
  known_.emplace(key);
  return table_->get(key);
}

std::vector<std::string> toml_reader::keys() const {
  std::vector<std::string> keys;
  for (const auto& [key, node] : *table_)
    keys.emplace_back(key.str());
  return keys;
}

std::string toml_reader::beside_file(const std::string& path) const {
  return (std::filesystem::path{file_}.parent_path() / path).string();
}

config_problem toml_reader::about(const toml::node& node, std::string_view key,
                                  std::string text) const {
  const auto line = node.source().begin.line;
  return {.line = line,
          .where =
              file_ + ':' + std::to_string(line) + ": " + without_secrets(path_ + std::string{key}),
          .text = std::move(text)};
}

void toml_reader::problem(const toml::node& node, std::string_view key, std::string text) {
  problems_->push_back(about(node, key, std::move(text)));
}

void toml_reader::warning(const toml::node& node, std::string_view key, std::string text) {
  warnings_->push_back(about(node, key, std::move(text)));
}

void toml_reader::wrong(const toml::node& node, std::string_view key, const std::string& wanted) {
  problem(node, key, "expected " + wanted + ", found " + show(node, key));
}

void toml_reader::missing(std::string_view key, const std::string& wanted) {
  known_.emplace(key);
  problem(*table_, key, "is missing: expected " + wanted);
}

/// The value as it stands in the file, cut short; of a secret only what kind of value it is.
std::string toml_reader::show(const toml::node& node, std::string_view key) {
  const auto* const text = node.as_string();
  std::ostringstream described;
  if (is_secret_key(key)) {
    if (text != nullptr)
      described << "a text of " << text->get().size() << " characters";
    else
      described << "a value of type " << node.type();
  } else if (text != nullptr && text->get().find('\n') != std::string::npos)
    described << "a text of several lines";
  else if (text != nullptr)
    described << '"' << shown(text->get()) << '"';
  else if (const auto* const number = node.as_integer())
    described << shown(std::to_string(number->get()));
  else if (const auto* const real = node.as_floating_point())
    described << real->get();
  else if (const auto* const truth = node.as_boolean())
    described << (truth->get() ? "true" : "false");
  else
    described << "a value of type " << node.type();
  return described.str();
}

/// Where a table should be. A text there may be any of its values.
void toml_reader::wrong_kind(const toml::node& node, std::string_view key,
                             const std::string& wanted) {
  if (node.is_string())
    problem(node, key, "expected " + wanted + ", found a text");
  else
    wrong(node, key, wanted);
}

bool toml_reader::is_word(const toml::node& node, std::string_view word) {
  if (const auto* const text = node.as_string()) return text->get() == word;
  if (const auto* const truth = node.as_boolean()) return word == (truth->get() ? "on" : "off");
  return false;
}

void toml_reader::boolean(std::string_view key, bool& into) {
  const auto* const node = find(key);
  if (node == nullptr) return;
  const bool on = is_word(*node, "on");
  if (on || is_word(*node, "off"))
    into = on;
  else
    wrong(*node, key, "true or false");
}

std::optional<std::int64_t> toml_reader::whole(std::string_view key, std::int64_t least,
                                               std::int64_t most) {
  const auto* const node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto* const value = node->as_integer();
  if (value != nullptr && value->get() >= least && value->get() <= most) return value->get();
  auto wanted = "a whole number of at least " + std::to_string(least);
  if (most != std::numeric_limits<std::int64_t>::max())
    wanted += " and at most " + std::to_string(most);
  wrong(*node, key, wanted);
  return std::nullopt;
}

void toml_reader::table(std::string_view key, const std::function<void(toml_reader&)>& read) {
  const auto* const node = find(key);
  if (node == nullptr) return;
  const auto* const inner = node->as_table();
  if (inner == nullptr) return wrong_kind(*node, key, "a table");
  toml_reader reader{*inner, file_, path_ + std::string{key} + '.', *problems_, *warnings_};
  read(reader);
  reader.finish();
}

void toml_reader::tables(std::string_view key, const std::function<void(toml_reader&)>& read) {
  const auto* const node = find(key);
  if (node == nullptr) return;
  const auto* const list = node->as_array();
  if (list == nullptr)
    return wrong_kind(*node, key, "an array of tables: [[" + std::string{key} + "]]");
  std::size_t index = 0;
  for (const auto& item : *list) {
    const auto place = path_ + std::string{key} + '[' + std::to_string(index++) + "].";
    if (const auto* const inner = item.as_table()) {
      toml_reader reader{*inner, file_, place, *problems_, *warnings_};
      read(reader);
      reader.finish();
    } else {
      wrong_kind(item, key, "a table");
    }
  }
}

void toml_reader::finish() {
  for (const auto& [key, node] : *table_)
    if (!known_.contains(key.str()))
      problem(node, shown_key(key.str()),
              "is not a known option; see doc/config.md for those there are");
}

}  // namespace mtp::config
