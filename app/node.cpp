#include "app/node.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>
#include <caf/io/all.hpp>
#include <caf/openssl/all.hpp>

#include "actors/client/client_roster.hpp"
#include "actors/core/names.hpp"
#include "actors/node_link/link_messages.hpp"
#include "actors/ops/proxy_sup.hpp"
#include "app/effective_settings.hpp"
#include "app/link_change.hpp"
#include "app/port_change.hpp"
#include "codecs/base/crypto.hpp"
#include "net/loop/machine_memory.hpp"
#include "net/loop/quiet_actor.hpp"
#include "net/loop/socket_options.hpp"
#include "net/loop/unix_time.hpp"
#include "net/node_link/link_silence.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;

/// Actors of the control plane have little to do.
constexpr std::size_t scheduler_threads = 2;
/// More than `node_link.timeout_sec` may be.
constexpr auto longest_silence = 15min;
/// How often it is looked whether everything has ended.
constexpr auto look_interval = 10ms;

}  // namespace

node::caf_config::caf_config(const config::settings& settings) {
  // Work stealing polls when idle: doc/architecture.md.
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", scheduler_threads);
  if (settings.process.role == config::node_role::both) return;
  load<caf::io::middleman>();
  if (settings.link.node_link.security == config::link_security::caf_openssl) {
    load<caf::openssl::manager>();
    openssl_certificate = settings.link.node_link.certificate;
    openssl_key = settings.link.node_link.key;
    openssl_cafile = settings.link.node_link.ca;
  }
  add_message_type<actors::link_blob>("mtp.link_blob");
  set("middleman.app-identifiers", std::vector<std::string>{"mtproto-proxy"});
  // Without both, a node behind a dead network is never noticed. CAF reads its time-out once, and
  // takes only whole messages for a sign of life: connections of our own are watched by
  // net::link_silence, and CAF's time-out is longer than any of that.
  set("middleman.heartbeat-interval", caf::timespan{net::link_silence::interval});
  const bool is_own = settings.link.node_link.security != config::link_security::caf_openssl;
  set("middleman.connection-timeout",
      is_own ? caf::timespan{longest_silence} : caf::timespan{settings.link.node_link.timeout});
  // What they take off the multiplexer's thread is less than handing it to them costs.
  set("middleman.workers", std::size_t{0});
}

node::node(const config::settings& settings)
    : config_{settings}, system_{config_}, core_{settings}, parts_{.core = core_} {
  net::quiet_caf(system_);
  core_.build = MTP_VERSION;
  make_reactors(settings);
  make_sides(settings);
}

node::~node() {
  static_cast<void>(shut_down([](std::chrono::milliseconds) {
    std::this_thread::sleep_for(1ms);
    return true;
  }));
}

void node::make_reactors(const config::settings& settings) {
  const auto count = settings.process.reactors != 0
                         ? settings.process.reactors
                         : std::clamp(std::thread::hardware_concurrency(), 1U, 256U);
  const auto scratch = std::max(settings.client.upstream_socket_buffer_size,
                                settings.uplink.downstream_socket_buffer_size);
  for (unsigned i = 0; i < count; ++i)
    core_.reactors.push_back(std::make_unique<net::reactor>(system_, i, scratch));
  const auto budget = settings.process.memory_budget;
  core_.open(budget != 0 ? budget : net::machine_memory() / 2);
}

void node::make_sides(const config::settings& settings) {
  if (settings.is_front()) parts_.client = &client_.emplace(core_);
  if (settings.is_back()) parts_.uplink = &uplink_.emplace(core_);
  if (settings.has_link()) parts_.link = &link_.emplace(core_);
  if (link_) {
    link_->uplink = parts_.uplink;
    link_->backs.follow(settings);
  }
  if (!client_) return;
  if (!link_) {
    client_->uplink = parts_.uplink;
    return;
  }
  client_->uplink = parts_.link;
  client_->shared_replays = &link_->shared_replays;
}

void node::apply_limits(config::settings& settings) const {
  std::vector<std::string> notes;
  settings = effective_settings(
      std::move(settings),
      {.memory_budget = core_.memory.budget(), .open_files = net::raise_open_files_limit()}, notes);
  for (const auto& note : notes)
    spdlog::warn("{}", note);
}

tl::expected<void, std::string> node::bind_ports(config::client_config& clients) {
  if (!client_) return {};
  auto change = port_change::prepare(*client_, clients);
  if (!change) return tl::unexpected{std::move(change.error())};
  set_client_options(change->served());
  change->publish(net::steady_clock::now());
  return {};
}

/// A back's port, and the certificates of either.
tl::expected<void, std::string> node::prepare_link(config::settings& settings) {
  if (settings.process.role == config::node_role::both) return {};
  const auto& link = settings.link.node_link;
  if (link.security == config::link_security::tls) {
    auto opened = net::tls_credentials::open(
        {.certificate = link.certificate, .key = link.key, .ca = link.ca},
        settings.is_back() ? net::tls_side::accepting : net::tls_side::dialing);
    if (!opened) return tl::unexpected{std::move(opened.error())};
    link_->credentials = std::move(*opened);
    settings.link.node_name = link_->credentials->current()->name();
  }
  // With CAF's own transport, CAF listens.
  if (!settings.is_back() || link.security == config::link_security::caf_openssl) return {};
  auto bound = bind_link(*link.listen);
  if (!bound) return tl::unexpected{std::move(bound.error())};
  link_->port.set(std::make_shared<const actors::link_port>(std::move(*bound)));
  return {};
}

tl::expected<void, std::string> node::start(std::function<void()> on_end) {
  spdlog::info("{}", describe_ciphers());
  auto settings = *core_.config.get();
  const auto wanted_connections = settings.client.max_connections;
  apply_limits(settings);
  if (client_ && settings.client.max_connections == wanted_connections)
    spdlog::info("{} files may be open: enough for {} clients", net::raise_open_files_limit(),
                 wanted_connections * settings.client.ports.size());
  if (auto ready = prepare_link(settings); !ready) return ready;
  if (client_) client_->journal.load(settings.client, net::unix_time());
  if (auto bound = bind_ports(settings.client); !bound) return bound;
  core_.config.set(std::make_shared<const config::settings>(settings));
  run_reactors();
  root_ = spawn_supervisor(system_, actors::proxy_sup_spec(parts_), core_.names);
  core_.names.put(std::string{actors::names::root}, root_);
  std::promise<void> ended;
  tree_end_ = ended.get_future();
  root_->attach_functor([this, on_end = std::move(on_end), ended = std::move(ended)]() mutable {
    end_left_clients();
    on_end();
    ended.set_value();
  });
  for (const auto& ports : {settings.client.ports, settings.client.plain_ports()})
    for (const auto& port : ports)
      spdlog::info("{}: listening on {} with {} reactors", port.name, listen_text(port),
                   core_.reactors.size());
  if (const auto at = link_ ? link_->port.get()->sockets : nullptr)
    spdlog::info("node {}: waiting for fronts on {}", settings.link.node_name,
                 to_string(at->where()));
  return {};
}

void node::run_reactors() {
  for (const auto& owned : core_.reactors)
    threads_.emplace_back([reactor = owned.get()] {
      // `top -H` shows it, so that a busy reactor can be told; 15 characters at most.
      const auto name = "reactor." + std::to_string(reactor->index());
      pthread_setname_np(pthread_self(), name.c_str());
      actors::metrics::own_cells(reactor->index());
      reactor->run();
    });
}

// -- the end ------------------------------------------------------------------------------------

bool node::shut_down(const shutdown_wait& wait) {
  core_.stopping = true;
  if (tree_end_.valid()) {
    caf::anon_send_exit(root_, caf::exit_reason::user_shutdown);
    while (tree_end_.wait_for(0s) != std::future_status::ready)
      if (!wait(look_interval)) return false;
    // An actor that did not end in time is killed by its supervisor, but may still be in a call.
    while (!is_idle())
      if (!wait(look_interval)) return false;
  }
  for (const auto& reactor : core_.reactors)
    reactor->stop();
  for (auto& thread : std::exchange(threads_, {}))
    thread.join();
  return true;
}

/// Clients belong to no supervisor: a tree that did not end in order leaves them behind. One that
/// starts later ends itself, as the proxy is stopping.
void node::end_left_clients() {
  core_.stopping = true;
  if (!client_) return;
  for (const auto& reactor : core_.reactors)
    reactor->post(
        [&clients = client_->clients[reactor->index()]] { actors::end_clients(clients); });
}

bool node::is_idle() {
  return system_.registry().running() == 0;
}

}  // namespace mtp::app
