#include <fmt/format.h>

#include "app/command_line.hpp"
#include "app/run.hpp"
#include "codecs/overloaded.hpp"
#include "codecs/text.hpp"
#include "net/entropy.hpp"

namespace {

using namespace mtp::app;

/// The settings of a command, with everything worth telling printed; nothing if they can't be used.
std::optional<loaded_settings> checked_settings(const run_command& what) {
  auto loaded = settings_of(what);
  if (!loaded) {
    for (const auto& problem : loaded.error())
      fmt::print(stderr, "error: {}\n", to_string(problem));
    return std::nullopt;
  }
  for (const auto& warning : loaded->warnings)
    fmt::print(stderr, "warning: {}\n", to_string(warning));
  return std::move(*loaded);
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
  return std::visit(mtp::overloaded{
                        [](const run_command& what) {
                          const auto loaded = checked_settings(what);
                          return loaded ? run_proxy(loaded->settings) : 1;
                        },
                        [](const check_config_command& check) {
                          if (!checked_settings(check.what)) return 1;
                          fmt::print("the configuration is good\n");
                          return 0;
                        },
                        [](const ping_command& ping) { return run_ping(ping.options); },
                        [](const console_command& console) { return run_console(console.options); },
                        [](const exit_command& done) { return done.status; },
                    },
                    parse_command_line(argc, argv));
}
