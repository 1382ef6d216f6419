// Reads values out of a TOML table and collects what is wrong with them.
#pragma once

#include <toml++/toml.h>

#include <functional>
#include <limits>
#include <set>

#include "config/settings_file.hpp"

namespace mtp::config {

/// A table of the file. Every key that is asked for counts as known; `finish` reports the others.
class toml_reader {
 public:
  /// `path` is the table's place in the file ("" or "ports[0]."). Mistakes are added to `problems`,
  /// warnings to `warnings`.
  toml_reader(const toml::table& table, std::string file, std::string path,
              std::vector<config_problem>& problems, std::vector<config_problem>& warnings)
      : table_{&table},
        file_{std::move(file)},
        path_{std::move(path)},
        problems_{&problems},
        warnings_{&warnings} {}

  // Each leaves `into` as it is if the key is absent, and reports a value that is not as wanted.
  /// "on" and "off" count as true and false.
  void boolean(std::string_view key, bool& into);
  /// One of `choices`; a boolean counts as "on" or "off".
  template <class Choice>
  void choice(std::string_view key, Choice& into,
              const std::vector<std::pair<std::string_view, Choice>>& choices) {
    const auto* const node = find(key);
    if (node == nullptr) return;
    std::string wanted;
    for (const auto& [name, value] : choices) {
      if (is_word(*node, name)) {
        into = value;
        return;
      }
      wanted += (wanted.empty() ? "\"" : ", \"") + std::string{name} + '"';
    }
    wrong(*node, key, "one of " + wanted);
  }
  /// A text that `parse` understands (it returns an optional of a value for `into`); `wanted`
  /// describes such a text.
  template <class Into, class Parse>
  void parsed(std::string_view key, Into& into, const std::string& wanted, Parse&& parse) {
    const auto* const node = find(key);
    if (node == nullptr) return;
    const auto* const value = node->as_string();
    decltype(parse(std::string{})) result;
    if (value != nullptr) result = parse(value->get());
    if (result)
      into = std::move(*result);
    else
      wrong(*node, key, wanted);
  }
  /// A list whose items `parse` understands, as `parsed`.
  template <class Into, class Parse>
  void list(std::string_view key, std::vector<Into>& into, const std::string& wanted,
            Parse&& parse) {
    const auto* const node = find(key);
    if (node == nullptr) return;
    const auto* const items = node->as_array();
    if (items == nullptr) return wrong(*node, key, "a list of texts");
    into.clear();
    for (const auto& item : *items) {
      const auto* const text = item.as_string();
      std::optional<Into> value;
      if (text != nullptr) value = parse(text->get());
      if (value)
        into.push_back(std::move(*value));
      else
        wrong(item, key, wanted);
    }
  }
  /// A whole number from `least` to `most`.
  std::optional<std::int64_t> whole(std::string_view key, std::int64_t least,
                                    std::int64_t most = std::numeric_limits<std::int64_t>::max());
  /// Calls `read` with a reader of the table at `key`, if there is one.
  void table(std::string_view key, const std::function<void(toml_reader&)>& read);
  /// The same for each element of an array of tables.
  void tables(std::string_view key, const std::function<void(toml_reader&)>& read);

  /// All keys of the table, whether known or not.
  [[nodiscard]] std::vector<std::string> keys() const;
  [[nodiscard]] bool has(std::string_view key) const { return table_->contains(key); }
  /// A path that may be relative to the file.
  [[nodiscard]] std::string beside_file(const std::string& path) const;
  /// The table itself.
  [[nodiscard]] const toml::node& self() const noexcept { return *table_; }
  /// Null if absent. Marks the key as known.
  const toml::node* find(std::string_view key);
  /// The message says what was found instead, unless that is a secret.
  void wrong(const toml::node& node, std::string_view key, const std::string& wanted);
  void problem(const toml::node& node, std::string_view key, std::string text);
  void warning(const toml::node& node, std::string_view key, std::string text);
  /// For a key that should be there.
  void missing(std::string_view key, const std::string& wanted);
  /// Reports keys that were not read.
  void finish();

 private:
  [[nodiscard]] config_problem about(const toml::node& node, std::string_view key,
                                     std::string text) const;
  [[nodiscard]] static bool is_word(const toml::node& node, std::string_view word);
  [[nodiscard]] static std::string show(const toml::node& node, std::string_view key);
  void wrong_kind(const toml::node& node, std::string_view key, const std::string& wanted);

  const toml::table* table_;
  std::string file_;
  std::string path_;
  std::vector<config_problem>* problems_;
  std::vector<config_problem>* warnings_;
  std::set<std::string, std::less<>> known_;
};

}  // namespace mtp::config
