// The option table: a row for each option of the configuration file. From the rows come parsing
// with its messages (config/settings_file), the difference of two files (config/difference), and
// the tables of doc/config.md and the comments in the templates (config/option_docs).
//
// An option is added as a row in one of the options_*.cpp, a member of its room's struct in
// config/settings, and the place that uses it: doc/adr/0014-option-table.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/option.hpp"

namespace mtp::config {

/// The rows of one table in doc/config.md.
struct option_group {
  /// As the markers there have it: `<!-- options: clients -->`.
  std::string_view name;
  std::vector<option> options;
};

/// All rows but those of `[[ports]]`. `node_role` is the first: others depend on it. Within a group
/// the order is that of doc/config.md and of messages about one line.
[[nodiscard]] const std::vector<option_group>& option_groups();
/// The rows of a `[[ports]]` table.
[[nodiscard]] const std::vector<port_option>& port_options();

/// "max_connections" or "node_link.timeout_sec"; of a port's option only the key.
template <class Target>
[[nodiscard]] std::string path_of(const basic_option<Target>& row) {
  return row.table.empty() ? std::string{row.key}
                           : std::string{row.table} + '.' + std::string{row.key};
}

/// Whether an option of this name, in whichever table, is a secret: no message quotes its value,
/// whatever is wrong with it.
[[nodiscard]] bool is_secret_key(std::string_view key);

// The groups, each in a file of its own.
[[nodiscard]] option_group node_options();
[[nodiscard]] option_group client_options();
[[nodiscard]] option_group fronting_options();
[[nodiscard]] option_group telegram_options();
[[nodiscard]] option_group process_options();
/// Options of the original that change nothing here, or that are refused.
[[nodiscard]] option_group unused_options();

}  // namespace mtp::config
