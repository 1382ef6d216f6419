#include <fmt/format.h>

#include "app/command_line.hpp"
#include "app/link_files.hpp"
#include "app/run.hpp"
#include "app/signals.hpp"
#include "app/standard_descriptors.hpp"
#include "codecs/base/overloaded.hpp"
#include "codecs/base/text.hpp"
#include "net/loop/entropy.hpp"

namespace {

using namespace mtp::app;

void tell(std::string_view severity, const std::vector<mtp::config::config_problem>& problems) {
  for (const auto& problem : problems)
    fmt::print(stderr, "{}: {}\n", severity, to_string(problem));
}

/// The settings of a command, with everything worth telling printed; nothing if they can't be used.
std::optional<mtp::config::loaded_settings> checked_settings(const run_command& run) {
  auto loaded = settings_of(run);
  if (!loaded) {
    tell("error", loaded.error());
    return std::nullopt;
  }
  tell("warning", loaded->warnings);
  return std::move(*loaded);
}

/// Whether a start could use the files that the settings name.
bool files_are_good(const mtp::config::settings& settings) {
  const auto report = check_link_files(settings);
  tell("error", report.problems);
  tell("warning", report.warnings);
  return report.problems.empty();
}

}  // namespace

namespace caf::detail {

/// CAF makes a node's id of this, the machine's network cards and the process id. In containers and
/// namespaces two processes can have the same of all: then they could not be told apart.
std::string get_root_uuid() {
  return mtp::to_hex(mtp::net::random_array<16>());
}

}  // namespace caf::detail

int main(int argc, char** argv) {
  fill_standard_descriptors();
  return std::visit(mtp::overloaded{
                        [](const run_command& run) {
                          hold_signals();
                          const auto loaded = checked_settings(run);
                          if (!loaded) return 1;
                          return run_proxy(loaded->settings, [&] { return settings_of(run); });
                        },
                        [](const check_config_command& check) {
                          const auto loaded = checked_settings(check.command);
                          if (!loaded || !files_are_good(loaded->settings)) return 1;
                          fmt::print("the configuration is good\n");
                          return 0;
                        },
                        [](const ping_command& ping) { return run_ping(ping.options); },
                        [](const console_command& console) { return run_console(console.options); },
                        [](const reload_command& reload) { return run_reload(reload.options); },
                        [](const exit_command& done) { return done.status; },
                    },
                    parse_command_line(argc, argv));
}
