#include "app/run.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "app/console_commands.hpp"
#include "app/console_server.hpp"
#include "app/gauges.hpp"
#include "app/links.hpp"
#include "app/node.hpp"
#include "app/program_output.hpp"
#include "app/reload.hpp"
#include "app/signals.hpp"
#include "config/shown_text.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;

/// Two signals this close are one wish: some process managers send it to the process and to its
/// group.
constexpr auto signal_bounce = 20ms;

using event = process_events::kind;

void announce(program_output& output, const config::settings& settings, const std::string& server) {
  if (!settings.client.ports.empty()) output.print(describe_links(settings, server) + '\n');
}

/// True if everything ended within the bound.
bool stop_node(node& proxy, const process_events& happened) {
  spdlog::info("stopping");
  const auto limit = proxy.core().config.get()->process.stop_timeout;
  const auto begun = std::chrono::steady_clock::now();
  return proxy.shut_down([&](std::chrono::milliseconds patience) {
    const auto elapsed = std::chrono::steady_clock::now() - begun;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - elapsed);
    switch (happened.wait(std::clamp<std::chrono::milliseconds>(left, 0ms, patience))) {
      case event::stop:
        if (elapsed < signal_bounce) return true;
        spdlog::warn("second signal: ending at once");
        return false;
      case event::timeout:
        if (left.count() > 0) return true;
        spdlog::warn("not everything ended within {} s", limit.count());
        return false;
      default:
        return true;
    }
  });
}

/// The console, if it can be had: the proxy does its work without it.
std::unique_ptr<console_server> open_console(node& proxy, reloader& reloads) {
  const auto path = proxy.core().config.get()->process.console_socket;
  if (path.empty()) return nullptr;
  auto opened = console_server::open(path, [&proxy, &reloads](std::string_view line) {
    return answer_console({.system = proxy.system(),
                           .node = proxy.parts(),
                           .reload = [&reloads] { return reloads.reload(); }},
                          line);
  });
  if (!opened) {
    spdlog::warn("no console: {}; set console_socket to another path, or to \"\"", opened.error());
    return nullptr;
  }
  spdlog::info("console at {}", path);
  return std::move(*opened);
}

/// Runs until told to stop; returns the exit status.
int serve(node& proxy, const process_events& happened, const console_server* console,
          program_output& output, const std::function<void()>& refresh) {
  while (true) {
    switch (happened.wait(1h)) {
      case event::stop:
        if (stop_node(proxy, happened)) return 0;
        // A thread may hang in a name server's silence; nothing is owed to anybody any more.
        if (console != nullptr) console->remove_socket();
        output.end_at_once(1);
      case event::tree_ended:
        spdlog::critical("the supervision tree has ended: giving up");
        return 1;
      case event::refresh:
        refresh();
        break;
      case event::reopen_log:
        spdlog::debug("SIGUSR1: there is no log file to open anew");
        break;
      case event::nothing_to_do:
        spdlog::debug("a signal that means nothing here");
        break;
      case event::timeout:
        break;
    }
  }
}

/// The same for all of it, from its first actor to its last.
int run_node(const config::settings& settings, const settings_reread& reread,
             program_output& output) {
  const process_events happened;
  node proxy{settings};
  auto& core = proxy.core();
  auto& parts = proxy.parts();
  net::published<std::string> seen_as;
  if (parts.uplink != nullptr)
    parts.uplink->address_found = [&](const ip_address& ours) {
      spdlog::info("our address as Telegram sees it: {}", to_string(ours));
      if (parts.client != nullptr) parts.client->own_addresses.add(ours);
      seen_as.set(std::make_shared<const std::string>(to_string(ours)));
      announce(output, *core.config.get(), *seen_as.get());
    };
  if (parts.link != nullptr)
    parts.link->answer_console = [&](std::string_view line) {
      return answer_console({.system = proxy.system(), .node = parts, .reload = {}}, line);
    };
  add_gauges(parts, proxy.system());
  if (const auto started = proxy.start([&] { happened.tell_tree_ended(); }); !started) {
    spdlog::critical("{}", config::without_secrets(started.error()));
    return 1;
  }
  reloader reloads{proxy, settings, reread,
                   [&] { announce(output, *core.config.get(), *seen_as.get()); }};
  if (const auto opened = reloads.open_metrics(); !opened) {
    spdlog::critical("{}", opened.error());
    return 1;
  }
  const auto console = open_console(proxy, reloads);
  announce(output, *core.config.get(), {});
  const auto refresh = [&] { static_cast<void>(reloads.reload()); };
  const int status = serve(proxy, happened, console.get(), output, refresh);
  spdlog::info("stopped");
  return status;
}

}  // namespace

int run_proxy(const config::settings& settings, const settings_reread& reread) {
  program_output output{settings.process.log_level};
  return output.end(run_node(settings, reread, output));
}

}  // namespace mtp::app
