#include "config/settings_file.hpp"

#include <algorithm>

#include "config/node_rules.hpp"
#include "config/option_table.hpp"
#include "config/setting_rules.hpp"
#include "config/shown_text.hpp"
#include "config/toml_reader.hpp"
#include "config/toml_text.hpp"

namespace mtp::config {

namespace {

/// What is told of an option that the role has no use for, if its row says nothing.
std::string_view text_of(const misplaced& elsewhere, node_role role) {
  if (!elsewhere.text.empty()) return elsewhere.text;
  return role == node_role::front ? "has no effect on a front: set it on its backs"
                                  : "has no effect on a back: set it on the fronts";
}

/// Reads a `[[ports]]` table.
void read_port(toml_reader& in, client_config& into) {
  auto& port = into.ports.emplace_back();
  port.listen.ip = into.listen_ip;
  for (const auto& row : port_options()) {
    if (in.has(row.key))
      row.value.read(in, row.key, port);
    else if (!row.required.empty())
      in.missing(row.key, std::string{row.required});
  }
  check_port(in, into.ports);
}

/// Reads one file's settings, row by row of the option table.
class settings_reader {
 public:
  settings_reader(const toml::table& table, const std::string& name)
      : in_{table, name, "", problems_, result_.warnings} {}

  tl::expected<loaded_settings, std::vector<config_problem>> read();

 private:
  void read_role();
  void read_rows(toml_reader& in, std::string_view table, settings& into);
  void read_row(toml_reader& in, const option& row, settings& into);
  void read_value(toml_reader& in, const option& row, settings& into);

  loaded_settings result_;
  std::vector<config_problem> problems_;
  toml_reader in_;
  /// False if the file has a role that is none: what should be there is not known then.
  bool role_known_ = true;
  /// Options that the role has no use for go here: they are checked, and change nothing.
  settings without_effect_;
};

void settings_reader::read_role() {
  const auto& row = option_groups().front().options.front();
  if (in_.has(row.key)) row.value.read(in_, row.key, result_.settings);
  role_known_ = problems_.empty();
}

void settings_reader::read_rows(toml_reader& in, std::string_view table, settings& into) {
  for (const auto& group : option_groups())
    for (const auto& row : group.options)
      if (row.table == table && row.key != "node_role" && in.has(row.key)) read_row(in, row, into);
}

void settings_reader::read_row(toml_reader& in, const option& row, settings& into) {
  const auto role = result_.settings.process.role;
  const auto& node = *in.find(row.key);
  if (!role_known_ && row.elsewhere.refused && row.shape != option_shape::ports) return;
  if (!row.no_effect.empty()) in.warning(node, row.key, std::string{row.no_effect});
  // Of a table that has no effect, that was said of the table.
  if (row.roles.contains(role) || &into == &without_effect_) return read_value(in, row, into);
  const std::string text{text_of(row.elsewhere, role)};
  if (row.elsewhere.refused) return in.problem(node, row.key, text);
  in.warning(node, row.key, text);
  read_value(in, row, without_effect_);
}

void settings_reader::read_value(toml_reader& in, const option& row, settings& into) {
  switch (row.shape) {
    case option_shape::value:
      return row.value.read(in, row.key, into);
    case option_shape::table:
      return in.table(row.key, [&](toml_reader& table) {
        read_rows(table, row.key, into);
        if (row.key == "node_link") check_node_link(table, into);
      });
    case option_shape::ports:
      return in.tables(row.key, [&](toml_reader& port) { read_port(port, into.client); });
  }
}

tl::expected<loaded_settings, std::vector<config_problem>> settings_reader::read() {
  result_.settings = settings_to_read(in_);
  // First: the others depend on the role.
  read_role();
  read_rows(in_, "", result_.settings);
  if (role_known_) check_nodes(in_, result_.settings);
  complete_settings(in_, result_.settings);
  in_.finish();
  std::ranges::stable_sort(problems_, {}, &config_problem::line);
  std::ranges::stable_sort(result_.warnings, {}, &config_problem::line);
  if (!problems_.empty()) return tl::unexpected{std::move(problems_)};
  return std::move(result_);
}

}  // namespace

std::string to_string(const config_problem& problem) {
  // Paths are quoted, too, and a key may stand in the place of one by mistake.
  return problem.where + ": " + without_secrets(problem.text);
}

tl::expected<loaded_settings, std::vector<config_problem>> parse_settings(std::string_view toml,
                                                                          const std::string& name) {
  const auto table = read_toml(toml, name);
  if (!table) return tl::unexpected{std::vector{table.error()}};
  return settings_reader{*table, name}.read();
}

tl::expected<loaded_settings, std::vector<config_problem>> load_settings(const std::string& path) {
  const auto table = read_toml_file(path);
  if (!table) return tl::unexpected{std::vector{table.error()}};
  return settings_reader{*table, path}.read();
}

}  // namespace mtp::config
