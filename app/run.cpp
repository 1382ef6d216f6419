#include "app/run.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <caf/all.hpp>
#include <csignal>

#include "actors/certificate_watch.hpp"
#include "actors/dc_config.hpp"
#include "actors/link_listener.hpp"
#include "app/console_commands.hpp"
#include "app/console_server.hpp"
#include "app/gauges.hpp"
#include "app/links.hpp"
#include "app/metrics_endpoint.hpp"
#include "app/metrics_text.hpp"
#include "app/node.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;

/// Two signals this close are one wish: some process managers send it to the process and to its
/// group.
constexpr auto signal_bounce = 20ms;

void set_up_logging(const std::string& level) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::move(sink)));
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
  spdlog::set_level(spdlog::level::from_str(level));
  spdlog::flush_on(spdlog::level::warn);
}

/// What the main thread waits for: signals, and the end of the supervision tree.
class events {
 public:
  enum class kind : std::uint8_t { stop, refresh, tree_ended, timeout };

  events() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int one : {SIGTERM, SIGINT, SIGHUP})
      sigaddset(&signals, one);
    // Before any thread starts: they all inherit it.
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    signals_ = net::unique_fd{signalfd(-1, &signals, SFD_CLOEXEC)};
    tree_ended_ = net::unique_fd{eventfd(0, EFD_CLOEXEC)};
  }

  /// Any thread.
  void tell_tree_ended() {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(tree_ended_.get(), &one, sizeof one));
  }

  kind wait(std::chrono::milliseconds limit) {
    std::array<pollfd, 2> fds{pollfd{.fd = signals_.get(), .events = POLLIN, .revents = 0},
                              pollfd{.fd = tree_ended_.get(), .events = POLLIN, .revents = 0}};
    const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(limit.count()));
    if (ready <= 0) return kind::timeout;
    if (fds[1].revents != 0) {
      std::uint64_t ignored = 0;
      static_cast<void>(!::read(tree_ended_.get(), &ignored, sizeof ignored));
      return kind::tree_ended;
    }
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return kind::timeout;
    return info.ssi_signo == SIGHUP ? kind::refresh : kind::stop;
  }

 private:
  net::unique_fd signals_;
  net::unique_fd tree_ended_;
};

void announce(const actors::settings& settings, const std::string& server) {
  if (settings.ports.empty()) return;
  fmt::print("{}\n", describe_links(settings, server));
  static_cast<void>(std::fflush(stdout));
}

/// Stops the tree and waits for it. True if everything ended within the bound.
bool stop_tree(node& proxy, events& happened) {
  spdlog::info("stopping");
  proxy.stop();
  const auto limit = proxy.env().settings.stop_timeout;
  const auto begun = std::chrono::steady_clock::now();
  const auto elapsed = [begun] { return std::chrono::steady_clock::now() - begun; };
  bool tree_ended = false;
  while (true) {
    // An actor that did not end in time is killed by its supervisor, but may still be in a call.
    if (tree_ended && proxy.is_idle()) return true;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(limit - elapsed());
    const auto patience = tree_ended ? std::min<std::chrono::milliseconds>(left, 10ms) : left;
    switch (happened.wait(std::max<std::chrono::milliseconds>(patience, 0ms))) {
      case events::kind::tree_ended:
        tree_ended = true;
        break;
      case events::kind::stop:
        if (elapsed() < signal_bounce) break;
        spdlog::warn("second signal: ending at once");
        return false;
      case events::kind::timeout:
        if (left.count() > 0) break;
        spdlog::warn("not everything ended within {} s", limit.count());
        return false;
      case events::kind::refresh:
        break;
    }
  }
}

/// The console, if it can be had: the proxy does its work without it.
std::unique_ptr<console_server> open_console(node& proxy) {
  const auto& path = proxy.env().settings.console_socket;
  if (path.empty()) return nullptr;
  auto opened = console_server::open(path, proxy.env().answer_console);
  if (!opened) {
    spdlog::warn("no console: {}; set console_socket to another path, or to \"\"", opened.error());
    return nullptr;
  }
  spdlog::info("console at {}", path);
  return std::move(*opened);
}

/// SIGHUP. What is read is compared with `running`, and becomes it.
void reload(node& proxy, actors::settings& running, const settings_reread& reread) {
  const auto& names = proxy.env().names;
  if (running.is_back()) {
    spdlog::info("fetching Telegram's configuration anew");
    caf::anon_send(names.find("dc_config"), actors::refresh_telegram_config{});
  }
  caf::anon_send(names.find("certificate_watch"), actors::read_certificates{});
  if (running.role != actors::node_role::back) return;
  auto loaded = reread(running);
  if (!loaded) {
    for (const auto& problem : loaded.error())
      spdlog::error("{}", to_string(problem));
    spdlog::error("the configuration is left as it was");
    return;
  }
  for (const auto& warning : loaded->warnings)
    spdlog::warn("{}", to_string(warning));
  running = std::move(loaded->settings);
  if (running.node_link.transport != actors::link_transport::tls) return;  // no names there
  caf::anon_send(names.find("link_listener"), actors::reload_link{running.node_link.allowed_nodes});
}

/// Runs until told to stop. True if the tree did not end by itself.
bool serve(node& proxy, events& happened, const console_server* console,
           const std::function<void()>& refresh) {
  while (true) {
    switch (happened.wait(1h)) {
      case events::kind::stop:
        if (stop_tree(proxy, happened)) return true;
        // A thread may hang in a name server's silence; nothing is owed to anybody any more.
        if (console != nullptr) console->remove_socket();
        spdlog::shutdown();
        _exit(1);
      case events::kind::tree_ended:
        spdlog::critical("the supervision tree has ended: giving up");
        return false;
      case events::kind::refresh:
        refresh();
        break;
      case events::kind::timeout:
        break;
    }
  }
}

}  // namespace

int run_proxy(const actors::settings& settings, const settings_reread& reread) {
  set_up_logging(settings.log_level);
  events happened;
  node proxy{settings};
  auto& env = proxy.env();
  env.address_found = [&env](const ip_address& ours) {
    spdlog::info("our address as Telegram sees it: {}", to_string(ours));
    announce(env.settings, to_string(ours));
  };
  env.answer_console = [&](std::string_view line) {
    return answer_console(proxy.system(), env, line);
  };
  add_gauges(env, proxy.system());
  if (const auto started = proxy.start([&] { happened.tell_tree_ended(); }); !started) {
    spdlog::critical("{}", started.error());
    return 1;
  }
  std::unique_ptr<metrics_endpoint> endpoint;
  if (const auto& at = settings.metrics_listen) {
    auto opened = metrics_endpoint::open(*at, [&env] { return metrics_text(env.metrics); });
    if (!opened) {
      spdlog::critical("{}", opened.error());
      return 1;
    }
    endpoint = std::move(*opened);
    spdlog::info("metrics at http://{}/metrics", to_string(*at));
  }
  const auto console = open_console(proxy);
  announce(env.settings, {});
  auto running = settings;
  const auto refresh = [&] { reload(proxy, running, reread); };
  const bool asked = serve(proxy, happened, console.get(), refresh);
  spdlog::info("stopped");
  return asked ? 0 : 1;
}

}  // namespace mtp::app
