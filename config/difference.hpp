// The difference of two settings, option by option: for the log, and for the answer to a reload.
#pragma once

#include <string>
#include <vector>

#include "config/option.hpp"

namespace mtp::config {

/// Shown in place of a secret.
inline constexpr std::string_view secret_shown = "(secret)";

/// One option that differs.
struct option_change {
  enum class kind : std::uint8_t { changed, added_port, removed_port };

  /// "max_connections", "node_link.timeout_sec", "ports.NAME.secret"; for a port that was added or
  /// removed "ports.NAME".
  std::string path;
  kind type = kind::changed;
  /// The values, as an operator would write them: `not_set` if there is none, `secret_shown` for a
  /// secret. For a port that was added or removed: its address, and the other value is empty.
  std::string before;
  std::string after;
  change_time applies = change_time::live;

  friend bool operator==(const option_change&, const option_change&) = default;
};

/// All differences, in the order of the option table. Ports are compared by name; their order does
/// not matter. Empty for equal settings. An option that only the command line has
/// (`through_link_agents`) is not compared.
[[nodiscard]] std::vector<option_change> differences(const settings& before, const settings& after);

/// "max_connections: 5 -> 6 (at once)", "ports.web: added, 0.0.0.0:443 (at once)".
[[nodiscard]] std::string to_string(const option_change& change);

}  // namespace mtp::config
