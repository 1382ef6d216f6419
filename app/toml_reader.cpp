#include "app/toml_reader.hpp"

#include <sstream>

namespace mtp::app {

const toml::node* toml_reader::find(std::string_view key) {
  known_.emplace(key);
  return table_->get(key);
}

config_problem toml_reader::about(const toml::node& node, std::string_view key,
                                  std::string what) const {
  const auto line = node.source().begin.line;
  return {.line = line,
          .where = file_ + ':' + std::to_string(line) + ": " + path_ + std::string{key},
          .what = std::move(what)};
}

void toml_reader::problem(const toml::node& node, std::string_view key, std::string what) {
  problems_->push_back(about(node, key, std::move(what)));
}

void toml_reader::warning(const toml::node& node, std::string_view key, std::string what) {
  warnings_->push_back(about(node, key, std::move(what)));
}

void toml_reader::wrong(const toml::node& node, std::string_view key, const std::string& wanted) {
  problem(node, key, "expected " + wanted + ", found " + show(node));
}

void toml_reader::missing(std::string_view key, const std::string& wanted) {
  known_.emplace(key);
  problem(*table_, key, "is missing: expected " + wanted);
}

/// The value as it stands in the file, cut short; never the value of a secret.
std::string toml_reader::show(const toml::node& node) {
  constexpr std::size_t longest = 40;
  std::ostringstream out;
  if (const auto* const text = node.as_string())
    out << '"' << text->get().substr(0, longest) << '"';
  else if (const auto* const number = node.as_integer())
    out << number->get();
  else if (const auto* const real = node.as_floating_point())
    out << real->get();
  else if (const auto* const truth = node.as_boolean())
    out << (truth->get() ? "true" : "false");
  else
    out << "a value of type " << node.type();
  return out.str();
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

void toml_reader::text(std::string_view key, std::string& into) {
  parsed(key, into, "a text", [](const std::string& value) { return std::optional{value}; });
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
  if (inner == nullptr) return wrong(*node, key, "a table");
  toml_reader reader{*inner, file_, path_ + std::string{key} + '.', *problems_, *warnings_};
  read(reader);
  reader.finish();
}

bool toml_reader::tables(std::string_view key, const std::function<void(toml_reader&)>& read) {
  const auto* const node = find(key);
  if (node == nullptr) return false;
  const auto* const list = node->as_array();
  if (list == nullptr) {
    wrong(*node, key, "an array of tables: [[" + std::string{key} + "]]");
    return true;
  }
  std::size_t index = 0;
  for (const auto& item : *list) {
    const auto place = path_ + std::string{key} + '[' + std::to_string(index++) + "].";
    if (const auto* const inner = item.as_table()) {
      toml_reader reader{*inner, file_, place, *problems_, *warnings_};
      read(reader);
      reader.finish();
    } else {
      wrong(item, key, "a table");
    }
  }
  return true;
}

void toml_reader::finish() {
  for (const auto& [key, node] : *table_)
    if (!known_.contains(key.str()))
      problem(node, key.str(), "is not a known option; see doc/config.md for those there are");
}

}  // namespace mtp::app
