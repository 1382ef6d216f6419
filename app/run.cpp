#include "app/run.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <caf/all.hpp>
#include <csignal>
#include <optional>
#include <thread>

#include "actors/dc_config.hpp"
#include "actors/proxy_sup.hpp"
#include "actors/routing.hpp"
#include "app/links.hpp"
#include "app/metrics_endpoint.hpp"
#include "net/socket_options.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;

/// Descriptors that are not clients': connections to Telegram, listeners, files, and some to spare.
constexpr std::size_t reserved_files = 512;
/// Actors of the control plane have little to do.
constexpr std::size_t scheduler_threads = 2;

void set_up_logging(const std::string& level) {
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::move(sink)));
  spdlog::set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
  spdlog::set_level(spdlog::level::from_str(level));
  spdlog::flush_on(spdlog::level::warn);
}

void configure(caf::actor_system_config& config) {
  // Work stealing polls when idle: doc/architecture.md.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", scheduler_threads);
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
    std::signal(SIGPIPE, SIG_IGN);
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
    if (fds[1].revents != 0) return kind::tree_ended;
    signalfd_siginfo info{};
    if (::read(signals_.get(), &info, sizeof info) != sizeof info) return kind::timeout;
    return info.ssi_signo == SIGHUP ? kind::refresh : kind::stop;
  }

 private:
  net::unique_fd signals_;
  net::unique_fd tree_ended_;
};

/// Reactors and their threads.
class reactor_threads {
 public:
  reactor_threads(caf::actor_system& system, actors::environment& env) : env_{&env} {
    const auto& settings = env.settings;
    const auto count = settings.reactors != 0
                           ? settings.reactors
                           : std::clamp(std::thread::hardware_concurrency(), 1U, 256U);
    const auto scratch =
        std::max(settings.upstream_socket_buffer_size, settings.downstream_socket_buffer_size);
    for (unsigned i = 0; i < count; ++i)
      env.reactors.push_back(std::make_unique<net::reactor>(system, i, scratch));
    env.clients.resize(count);
  }
  reactor_threads(const reactor_threads&) = delete;
  reactor_threads& operator=(const reactor_threads&) = delete;
  reactor_threads(reactor_threads&&) = delete;
  reactor_threads& operator=(reactor_threads&&) = delete;
  ~reactor_threads() {
    for (const auto& one : env_->reactors)
      one->stop();
    for (auto& thread : threads_)
      thread.join();
  }

  void start() {
    for (const auto& one : env_->reactors)
      threads_.emplace_back([reactor = one.get()] {
        actors::metrics::own_cells(reactor->index());
        reactor->run();
      });
  }

 private:
  actors::environment* env_;
  std::vector<std::thread> threads_;
};

/// Binds every port, or says which one can't be had.
bool bind_ports(actors::environment& env) {
  const auto sockets = static_cast<unsigned>(env.reactors.size());
  for (auto& settings : env.settings.ports) {
    // "::" takes IPv4 too, unless a port of IPv4 has the same number.
    const bool v4_apart = std::ranges::any_of(env.settings.ports, [&](const auto& other) {
      return other.listen.ip.is_v4() && other.listen.port == settings.listen.port;
    });
    auto bound = net::bound_port::bind(settings.listen, sockets, !v4_apart);
    if (!bound) {
      spdlog::critical("{}: {}", settings.name, bound.error());
      return false;
    }
    settings.listen = bound->where();
    env.ports.push_back(std::make_unique<actors::open_port>(
        settings, std::move(*bound), actors::client_metrics{env.metrics, settings.name}));
  }
  return true;
}

/// Keeps `max_connections` below what the process may open, and says so.
void limit_connections(actors::settings& settings) {
  const auto files = net::raise_open_files_limit();
  const auto room = files > 2 * reserved_files ? files - reserved_files : files / 2;
  const auto wanted = settings.max_connections * settings.ports.size();
  if (wanted <= room) {
    spdlog::info("{} files may be open: enough for {} clients", files, wanted);
    return;
  }
  settings.max_connections = std::max<std::size_t>(room / settings.ports.size(), 1);
  spdlog::warn(
      "only {} files may be open: {} clients a port at most; raise the limit (ulimit -n, "
      "LimitNOFILE) for more",
      files, settings.max_connections);
}

void announce(const actors::settings& settings, const std::string& server) {
  fmt::print("{}\n", describe_links(settings, server));
  std::fflush(stdout);
}

/// Stops the tree and waits for it. True if everything ended within the bound.
bool stop_tree(const caf::actor& root, actors::environment& env, events& happened) {
  spdlog::info("stopping");
  env.stopping = true;
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  const auto deadline = std::chrono::steady_clock::now() + env.settings.stop_timeout;
  while (true) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    switch (happened.wait(std::max(left, 0ms))) {
      case events::kind::tree_ended:
        return true;
      case events::kind::stop:
        spdlog::warn("second signal: ending at once");
        return false;
      case events::kind::timeout:
        if (left.count() > 0) break;
        spdlog::warn("not everything ended within {} s", env.settings.stop_timeout.count());
        return false;
      case events::kind::refresh:
        break;
    }
  }
}

/// Runs until told to stop. True if the tree did not end by itself.
bool serve(const caf::actor& root, actors::environment& env, events& happened) {
  while (true) {
    switch (happened.wait(1h)) {
      case events::kind::stop:
        if (stop_tree(root, env, happened)) return true;
        // A thread may hang in a name server's silence; nothing is owed to anybody any more.
        spdlog::shutdown();
        _exit(1);
      case events::kind::tree_ended:
        spdlog::critical("the supervision tree has ended: giving up");
        return false;
      case events::kind::refresh:
        spdlog::info("fetching Telegram's configuration anew");
        caf::anon_send(env.names.find("dc_config"), actors::refresh_telegram_config{});
        break;
      case events::kind::timeout:
        break;
    }
  }
}

}  // namespace

int run_proxy(const actors::settings& settings) {
  set_up_logging(settings.log_level);
  events happened;
  caf::actor_system_config config;
  configure(config);
  caf::actor_system system{config};
  actors::environment env;
  env.settings = settings;
  limit_connections(env.settings);
  reactor_threads threads{system, env};
  if (!bind_ports(env)) return 1;
  env.route = [&env](dc_id dc, unsigned reactor) {
    return env.settings.through_link_agents ? actors::route_to_front_agent(env, reactor)
                                            : actors::route_to_pool(env, dc);
  };
  env.address_found = [&env](const ip_address& ours) {
    spdlog::info("our address as Telegram sees it: {}", to_string(ours));
    announce(env.settings, to_string(ours));
  };
  add_gauges(env, system);
  std::unique_ptr<metrics_endpoint> endpoint;
  if (const auto& at = env.settings.metrics_listen) {
    auto opened = metrics_endpoint::open(*at, env.metrics);
    if (!opened) {
      spdlog::critical("{}", opened.error());
      return 1;
    }
    endpoint = std::move(*opened);
    spdlog::info("metrics at http://{}/metrics", to_string(*at));
  }
  threads.start();
  auto root = spawn_supervisor(system, actors::proxy_sup_spec(env), env.names);
  root->attach_functor([&happened] { happened.tell_tree_ended(); });
  for (const auto& port : env.ports)
    spdlog::info("{}: listening on {} with {} reactors", port->settings.name,
                 to_string(port->settings.listen), env.reactors.size());
  announce(env.settings, {});
  const bool asked = serve(root, env, happened);
  root = nullptr;
  endpoint.reset();
  system.await_all_actors_done();
  spdlog::info("stopped");
  return asked ? 0 : 1;
}

}  // namespace mtp::app
