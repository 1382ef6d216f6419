#include "app/command_line.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>

#include "app/argument_errors.hpp"
#include "app/console_commands.hpp"
#include "codecs/base/text.hpp"

namespace mtp::app {

namespace {

std::optional<std::string> from_environment(const char* name) {
  const char* const value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string{value};
}

/// Options of a run, wherever they are read.
void add_run_options(CLI::App& app, run_command& into, std::vector<std::string>& allow) {
  app.add_option("-c,--config", into.config, "Configuration file (doc/config.md)");
  app.add_option("-p", into.one_port.port, "Port to listen on, 1 to 65535 (MTP_PORT)");
  app.add_option("-s", into.one_port.secret,
                 "Secret, 32 hexadecimal digits, without dd or ee (MTP_SECRET)");
  app.add_option("-t", into.one_port.tag,
                 "Ad tag from @MTProxybot, 32 hexadecimal digits (MTP_TAG)");
  app.add_option("-a", allow,
                 "Allow only dd secrets (\"dd\", MTP_DD_ONLY) or fake-TLS (\"tls\", MTP_TLS_ONLY); "
                 "may be given twice")
      ->check(CLI::IsMember({"dd", "tls"}));
  app.add_flag("-d", into.one_port.dd_only, "Deprecated: use -a dd");
}

void add_ping_options(CLI::App& app, ping_options& into) {
  app.add_option("link", into.link, "tg://proxy?... or https://t.me/proxy?...")->required();
  app.add_option("--dc", into.dcs,
                 "DCs to ask, comma-separated; media is negative (default -5..-1,1..5)")
      ->delimiter(',');
  app.add_option("--proto", into.protocols,
                 "normal (intermediate), abridged, secure (dd), fake-tls, comma-separated "
                 "(default: what the link asks for)")
      ->delimiter(',')
      ->check(CLI::IsMember({"normal", "abridged", "secure", "fake-tls"}));
  app.add_option_function<unsigned>(
         "--timeout", [&into](unsigned ms) { into.timeout = std::chrono::milliseconds{ms}; },
         "Milliseconds for each step (default 5000)")
      ->check(CLI::Range(1U, 600'000U));
  app.add_option("--repeat", into.repeat, "Pings of each DC, averaged (default 1)")
      ->check(CLI::Range(1U, 1000U));
  app.add_flag("-v,--verbose", into.verbose, "Show every failed attempt");
}

/// Where the proxy's console is.
void add_place_options(CLI::App& app, console_options& into) {
  auto* const config = app.add_option("-c,--config", into.config,
                                      "The proxy's configuration file: says where it is");
  app.add_option("--socket", into.socket, "The proxy's console_socket")->excludes(config);
}

void add_reload_options(CLI::App& app, console_options& into) {
  add_place_options(app, into);
  app.footer(
      "Exit status: 0 reloaded, 1 refused: the file is wrong, or a port can't be had; nothing was "
      "changed then. 2 wrong arguments, 3 no proxy there.\nRun it as root or as the user that the "
      "proxy runs as.");
}

void add_console_options(CLI::App& app, console_options& into) {
  add_place_options(app, into);
  app.add_option(
      "--node", into.node,
      "The back node that is to answer, by its name in back_node; asked through the link");
  app.add_option("-e,--execute", into.execute,
                 "Commands, separated by ';'; may be given several times")
      ->required();
  app.footer("Commands:\n" + console_help() +
             "\nExit status: 0 answered, 1 the proxy could not answer, 2 wrong arguments, 3 no "
             "proxy there.\nRun it as root or as the user that the proxy runs as.");
}

void finish_run_options(run_command& run, const std::vector<std::string>& allow) {
  auto& options = run.one_port;
  if (options.dd_only) std::cerr << "Warning: -d is deprecated, use \"-a dd\" instead\n";
  options.dd_only |= std::ranges::find(allow, "dd") != allow.end();
  options.tls_only |= std::ranges::find(allow, "tls") != allow.end();
  if (!options.port) options.port = from_environment("MTP_PORT");
  if (!options.secret) options.secret = from_environment("MTP_SECRET");
  if (!options.tag) options.tag = from_environment("MTP_TAG");
  options.dd_only |= from_environment("MTP_DD_ONLY").has_value();
  options.tls_only |= from_environment("MTP_TLS_ONLY").has_value();
}

config::config_problem problem(std::string where, std::string text) {
  return {.line = 0, .where = std::move(where), .text = std::move(text)};
}

std::optional<std::array<std::uint8_t, 16>> parse_hex16(const std::string& text) {
  const auto raw = from_hex(text);
  std::array<std::uint8_t, 16> decoded{};
  if (!raw || raw->size() != decoded.size()) return std::nullopt;
  std::ranges::copy(*raw, decoded.begin());
  return decoded;
}

/// Puts the one port of the command line in the place of the file's ports.
void apply_one_port(const one_port_options& given, config::settings& into,
                    std::vector<config::config_problem>& problems) {
  if (!given.port && !given.secret && !given.tag) return;
  if (!into.is_front()) {
    problems.push_back(problem("command line",
                               "a back has no clients: leave out -p, -s and -t (MTP_PORT, "
                               "MTP_SECRET, MTP_TAG)"));
    return;
  }
  if (!given.port || !given.secret) {
    problems.push_back(problem("command line",
                               "a port (-p or MTP_PORT) and a secret (-s or MTP_SECRET) are needed "
                               "together"));
    return;
  }
  config::port_settings port{.name = "mtproto_proxy"};
  const auto number = parse_port(*given.port);
  const auto secret = parse_hex16(*given.secret);
  if (!number) problems.push_back(problem("-p or MTP_PORT", "expected a port number, 1 to 65535"));
  if (!secret)
    problems.push_back(
        problem("-s or MTP_SECRET", "expected 32 hexadecimal digits (without dd or ee in front)"));
  if (given.tag && !given.tag->empty()) {
    port.tag = parse_hex16(*given.tag);
    if (!port.tag) problems.push_back(problem("-t or MTP_TAG", "expected 32 hexadecimal digits"));
  }
  port.listen.port = number.value_or(0);
  port.secret = secret.value_or(secret16{});
  into.client.ports.assign(1, port);
}

void apply_protocols(const one_port_options& given, config::client_config& into) {
  using config::protocol;
  if (!given.dd_only && !given.tls_only) return;
  // An argument wins over the file, also over what a port says there.
  for (auto& port : into.ports)
    port.allowed_protocols.reset();
  if (given.dd_only && given.tls_only)
    into.allowed_protocols = {protocol::mtp_fake_tls, protocol::mtp_secure};
  else if (given.dd_only)
    into.allowed_protocols = {protocol::mtp_secure};
  else
    into.allowed_protocols = {protocol::mtp_fake_tls};
}

}  // namespace

command parse_command_line(int argc, const char* const* argv) {
  CLI::App app{"Telegram MTProto proxy"};
  app.name("mtproto-proxy");
  app.set_version_flag("--version", MTP_VERSION);
  app.require_subcommand(0, 1);
  run_command run;
  std::vector<std::string> allow;
  add_run_options(app, run, allow);

  auto* const run_app = app.add_subcommand("run", "Run the proxy (the default)");
  add_run_options(*run_app, run, allow);
  run_app->add_flag("--link-agents", run.through_link_agents,
                    "Carry streams through link agents inside the process, for tests");
  auto* const check_app = app.add_subcommand("check-config", "Check a configuration and exit");
  add_run_options(*check_app, run, allow);

  ping_options ping;
  auto* const ping_app =
      app.add_subcommand("ping", "Measure a proxy: connect, handshake and req_pq to each DC");
  add_ping_options(*ping_app, ping);

  console_options console;
  auto* const console_app =
      app.add_subcommand("console", "Ask the proxy that runs on this machine what it does");
  add_console_options(*console_app, console);

  console_options reload;
  auto* const reload_app = app.add_subcommand(
      "reload", "Have the proxy that runs on this machine read its configuration again");
  add_reload_options(*reload_app, reload);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    // Help and version are among them.
    if (e.get_exit_code() == 0) return exit_command{app.exit(e)};
    std::cerr << "error: " << describe_argument_error(app, e) << "\nRun with --help for more.\n";
    return exit_command{2};
  }
  if (ping_app->parsed()) return ping_command{std::move(ping)};
  if (reload_app->parsed()) return reload_command{std::move(reload)};
  if (console_app->parsed()) return console_command{std::move(console)};
  finish_run_options(run, allow);
  if (check_app->parsed()) return check_config_command{std::move(run)};
  return run;
}

tl::expected<config::loaded_settings, std::vector<config::config_problem>> settings_of(
    const run_command& run) {
  config::loaded_settings outcome;
  if (run.config) {
    auto loaded = config::load_settings(*run.config);
    if (!loaded) return loaded;
    outcome = std::move(*loaded);
  }
  std::vector<config::config_problem> problems;
  apply_one_port(run.one_port, outcome.settings, problems);
  apply_protocols(run.one_port, outcome.settings.client);
  if (!outcome.settings.is_front() && (run.one_port.dd_only || run.one_port.tls_only))
    outcome.warnings.push_back(
        problem("-a (MTP_DD_ONLY, MTP_TLS_ONLY)", "has no effect on a back"));
  outcome.settings.process.through_link_agents = run.through_link_agents;
  if (outcome.settings.is_front() && outcome.settings.client.ports.empty() && problems.empty())
    problems.push_back(problem(run.config.value_or("command line"),
                               run.config ? "no port to serve: add a [[ports]] table"
                                          : "give a configuration (-c FILE), or a port and a "
                                            "secret (-p PORT -s SECRET); --help tells more"));
  if (!problems.empty()) return tl::unexpected{std::move(problems)};
  return outcome;
}

}  // namespace mtp::app
