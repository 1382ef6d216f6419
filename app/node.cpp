#include "app/node.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/openssl/all.hpp>

#include "actors/client/client_roster.hpp"
#include "actors/node_link/link_messages.hpp"
#include "actors/ops/proxy_sup.hpp"
#include "actors/uplink/routing.hpp"
#include "codecs/base/crypto.hpp"
#include "net/loop/machine_memory.hpp"
#include "net/loop/quiet_actor.hpp"
#include "net/loop/socket_options.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;

/// Descriptors that are not clients': connections to Telegram, listeners, files, and some to spare.
constexpr std::size_t reserved_files = 512;
/// Actors of the control plane have little to do.
constexpr std::size_t scheduler_threads = 2;

/// Options of clients' sockets, set on the listening one that they have them from: five calls less
/// for each.
void set_client_options(const config::settings& settings, int listening) {
  net::set_no_delay(listening);
  net::set_keep_alive(listening);
  net::set_reset_on_close(listening, settings.reset_close_socket != config::reset_close::off);
}

}  // namespace

node::caf_config::caf_config(const config::settings& settings) {
  // Work stealing polls when idle: doc/architecture.md.
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", scheduler_threads);
  if (settings.role == config::node_role::both) return;
  load<caf::io::middleman>();
  if (settings.node_link.security == config::link_security::caf_openssl) {
    load<caf::openssl::manager>();
    openssl_certificate = settings.node_link.certificate;
    openssl_key = settings.node_link.key;
    openssl_cafile = settings.node_link.ca;
  }
  add_message_type<actors::link_blob>("mtp.link_blob");
  set("middleman.app-identifiers", std::vector<std::string>{"mtproto-proxy"});
  // Without both, a node behind a dead network is never noticed. Often, as only whole messages
  // count as a sign of life, and a long one takes its time on a slow network.
  set("middleman.heartbeat-interval", caf::timespan{1s});
  set("middleman.connection-timeout", caf::timespan{settings.node_link.timeout});
  // What they take off the multiplexer's thread is less than handing it to them costs.
  set("middleman.workers", std::size_t{0});
}

node::node(const config::settings& settings) : config_{settings}, system_{config_} {
  net::quiet_caf(system_);
  env_.settings = settings;
  env_.build = MTP_VERSION;
  env_.route = [this](const stream::open& request, unsigned reactor) {
    return env_.settings.has_link() ? actors::route_to_front_agent(env_, reactor)
                                    : actors::route_to_dc(env_, request, reactor);
  };
  make_reactors();
}

node::~node() {
  env_.stopping = true;
  if (root_ != nullptr) caf::anon_send_exit(root_, caf::exit_reason::kill);
  root_ = nullptr;
  if (!threads_.empty()) {
    // Clients belong to no supervisor: a tree that did not end in order leaves them behind.
    for (const auto& one : env_.reactors)
      caf::anon_send_exit(net::spawn_pinned<actors::client_roster>(*one, env_),
                          caf::exit_reason::user_shutdown);
    system_.await_all_actors_done();
  }
  for (const auto& one : env_.reactors)
    one->stop();
  for (auto& thread : threads_)
    thread.join();
}

void node::make_reactors() {
  const auto& settings = env_.settings;
  const auto count = settings.reactors != 0
                         ? settings.reactors
                         : std::clamp(std::thread::hardware_concurrency(), 1U, 256U);
  const auto scratch =
      std::max(settings.upstream_socket_buffer_size, settings.downstream_socket_buffer_size);
  for (unsigned i = 0; i < count; ++i)
    env_.reactors.push_back(std::make_unique<net::reactor>(system_, i, scratch));
  const auto budget = settings.memory_budget;
  const auto replays_mb = settings.replay_cache.max_memory_mb;
  env_.open(budget != 0 ? budget : net::machine_memory() / 2);
  if (settings.replay_cache.max_memory_mb < replays_mb)
    spdlog::warn(
        "replay_check_session_storage_opts.max_memory_mb is lowered to {}: a quarter of the memory "
        "budget ({} MiB)",
        settings.replay_cache.max_memory_mb, env_.memory.budget() >> 20U);
}

/// Keeps `max_connections` below what the process may open, and says so.
void node::limit_connections() {
  auto& settings = env_.settings;
  const auto files = net::raise_open_files_limit();
  if (settings.ports.empty()) return;
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

tl::expected<void, std::string> node::bind_ports() {
  const auto sockets = static_cast<unsigned>(env_.reactors.size());
  for (auto& settings : env_.settings.ports) {
    // "::" takes IPv4 too, unless a port of IPv4 has the same number.
    const bool v4_apart = std::ranges::any_of(env_.settings.ports, [&](const auto& other) {
      return other.listen.ip.is_v4() && other.listen.port == settings.listen.port;
    });
    auto bound = net::bound_port::bind(settings.listen, sockets, !v4_apart);
    if (!bound) return tl::unexpected{settings.name + ": " + bound.error()};
    for (unsigned i = 0; i < sockets; ++i)
      set_client_options(env_.settings, bound->socket(i));
    settings.listen = bound->where();
    env_.ports.push_back(std::make_unique<actors::open_port>(
        settings, std::move(*bound), actors::client_metrics{env_.metrics, settings.name}));
  }
  return {};
}

/// A back's port, and the certificates of either.
tl::expected<void, std::string> node::prepare_link() {
  auto& settings = env_.settings;
  if (settings.role == config::node_role::both) return {};
  const auto& link = settings.node_link;
  if (link.security == config::link_security::tls) {
    auto opened = net::tls_credentials::open(
        {.certificate = link.certificate, .key = link.key, .ca = link.ca},
        settings.is_back() ? net::tls_side::accepting : net::tls_side::dialing);
    if (!opened) return tl::unexpected{std::move(opened.error())};
    env_.link_credentials = std::move(*opened);
    settings.node_name = env_.link_credentials->current()->name();
  }
  // With CAF's own transport, CAF listens.
  if (!settings.is_back() || link.security == config::link_security::caf_openssl) return {};
  auto bound = net::bound_port::bind(*link.listen, 1, true);
  if (!bound) return tl::unexpected{"node_link.listen: " + bound.error()};
  env_.link_port = std::make_unique<net::bound_port>(std::move(*bound));
  return {};
}

tl::expected<void, std::string> node::start(std::function<void()> on_end) {
  spdlog::info("{}", describe_ciphers());
  limit_connections();
  if (auto ready = prepare_link(); !ready) return ready;
  if (auto bound = bind_ports(); !bound) return bound;
  for (const auto& one : env_.reactors)
    threads_.emplace_back([reactor = one.get()] {
      // For whoever looks with `top -H` at which of them is busy; 15 characters at most.
      const auto name = "reactor." + std::to_string(reactor->index());
      pthread_setname_np(pthread_self(), name.c_str());
      actors::metrics::own_cells(reactor->index());
      reactor->run();
    });
  root_ = spawn_supervisor(system_, actors::proxy_sup_spec(env_), env_.names);
  env_.names.put(actors::root_name, root_);
  root_->attach_functor(std::move(on_end));
  for (const auto& port : env_.ports)
    spdlog::info("{}: listening on {} with {} reactors", port->settings.name,
                 to_string(port->settings.listen), env_.reactors.size());
  if (env_.link_port != nullptr)
    spdlog::info("node {}: waiting for fronts on {}", env_.settings.node_name,
                 to_string(env_.link_port->where()));
  return {};
}

bool node::is_idle() {
  return system_.registry().running() == 0;
}

void node::stop() {
  env_.stopping = true;
  caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
}

}  // namespace mtp::app
