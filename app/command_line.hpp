// The program's arguments and environment.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "app/console.hpp"
#include "app/ping.hpp"
#include "config/settings_file.hpp"

namespace mtp::app {

/// What the original's start.sh takes, for a proxy with one port and no file; each may also come
/// from the environment. Unchecked texts.
struct one_port_options {
  std::optional<std::string> port;    // -p, MTP_PORT
  std::optional<std::string> secret;  // -s, MTP_SECRET
  std::optional<std::string> tag;     // -t, MTP_TAG
  bool dd_only = false;               // -a dd, -d, MTP_DD_ONLY
  bool tls_only = false;              // -a tls, MTP_TLS_ONLY
};

struct run_command {
  std::optional<std::string> config;
  one_port_options one_port;
  bool through_link_agents = false;
};
struct check_config_command {
  run_command command;
};
struct ping_command {
  ping_options options;
};
struct console_command {
  console_options options;
};
struct reload_command {
  console_options options;
};
/// Nothing to run: help was shown (0) or the arguments are wrong (2).
struct exit_command {
  int status = 0;
};
using command = std::variant<run_command, check_config_command, ping_command, console_command,
                             reload_command, exit_command>;

/// Reads arguments and, for settings that they do not give, the environment variables above. Prints
/// help and errors.
[[nodiscard]] command parse_command_line(int argc, const char* const* argv);

/// Settings of a run: the file's, if there is one, with what the command line says instead.
[[nodiscard]] tl::expected<config::loaded_settings, std::vector<config::config_problem>>
settings_of(const run_command& run);

}  // namespace mtp::app
