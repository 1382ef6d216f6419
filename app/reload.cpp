#include "app/reload.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>
#include <sstream>
#include <thread>

#include "actors/core/names.hpp"
#include "actors/node_link/certificate_watch.hpp"
#include "actors/ops/proxy_sup.hpp"
#include "actors/uplink/middle/dc_config.hpp"
#include "app/link_change.hpp"
#include "app/links.hpp"
#include "app/metrics_text.hpp"
#include "app/port_change.hpp"
#include "config/settled.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;
namespace names = actors::names;

/// For listeners to end and new ones to start.
constexpr auto listener_patience = 3s;
constexpr auto look_interval = 2ms;

/// `waiting`: what takes a restart.
std::string describe(const std::vector<config::option_change>& changes,
                     const std::vector<config::option_change>& waiting,
                     const std::vector<config::config_problem>& warnings) {
  std::string text;
  for (const auto& change : changes)
    text += to_string(change) + '\n';
  for (auto change : waiting) {
    change.applies = config::change_time::restart;
    text += to_string(change) + '\n';
  }
  if (text.empty()) text += "nothing has changed\n";
  for (const auto& warning : warnings)
    text += "warning: " + to_string(warning) + '\n';
  return text;
}

/// Waits until `is_so`, or for as long as listeners may take.
template <class Condition>
bool wait_until(Condition&& is_so) {
  const auto limit = std::chrono::steady_clock::now() + listener_patience;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(look_interval);
  }
  return true;
}

/// Listeners of ports that are gone end, before those of new ones start: a port that has only
/// another name has the same sockets.
void exchange_listeners(actors::client_side& side, port_change& change) {
  const auto& registry = side.core.names;
  const auto sup = registry.find(names::listener_sup);
  std::vector<std::string> ending;
  for (const auto& served : change.removed())
    for (const auto& listener : actors::listeners_of(side, served))
      ending.push_back(listener.id);
  for (const auto& name : ending)
    caf::anon_send(sup, actors::stop_child{name});
  const bool have_ended = wait_until([&] {
    return std::ranges::all_of(ending, [&](const auto& name) { return !registry.find(name); });
  });
  if (!have_ended) spdlog::warn("reload: listeners take long to end");
  for (const auto& served : change.added())
    for (auto& listener : actors::listeners_of(side, served))
      caf::anon_send(sup, std::move(listener));
  std::vector<std::weak_ptr<net::bound_port>> closing;
  for (const auto& served : change.removed())
    if (std::ranges::find(change.added(), served.sockets, &actors::served_port::sockets) ==
        change.added().end())
      closing.emplace_back(served.sockets);
  change.forget_removed();
  // The caller may want to use the address.
  static_cast<void>(wait_until([&] {
    return std::ranges::all_of(closing, [](const auto& sockets) { return sockets.expired(); });
  }));
}

}  // namespace

reloader::reloader(node& proxy, config::settings configured, settings_reread reread,
                   std::function<void()> links_changed)
    : proxy_{&proxy},
      configured_{std::move(configured)},
      reread_{std::move(reread)},
      links_changed_{std::move(links_changed)} {}

tl::expected<void, std::string> reloader::open_metrics() {
  const auto& at = configured_.process.metrics_listen;
  if (!at) return {};
  auto opened =
      metrics_endpoint::open(*at, [&core = proxy_->core()] { return metrics_text(core.metrics); });
  if (!opened) return tl::unexpected{std::move(opened.error())};
  metrics_ = std::move(*opened);
  spdlog::info("metrics at http://{}/metrics", to_string(*at));
  return {};
}

tl::expected<std::string, std::string> reloader::reload() {
  const std::lock_guard lock{mutex_};
  const auto begun = std::chrono::steady_clock::now();
  auto done = read_and_apply();
  std::istringstream lines{done ? *done : done.error()};
  for (std::string line; std::getline(lines, line);)
    spdlog::log(done ? spdlog::level::info : spdlog::level::err, "reload: {}", line);
  if (!done) spdlog::error("reload: the configuration is left as it was");
  spdlog::debug("reload: it took {} ms", std::chrono::duration_cast<std::chrono::milliseconds>(
                                             std::chrono::steady_clock::now() - begun)
                                             .count());
  return done;
}

tl::expected<std::string, std::string> reloader::read_and_apply() {
  auto& core = proxy_->core();
  auto done = read_and_apply_file();
  if (proxy_->parts().uplink != nullptr) spdlog::info("fetching Telegram's configuration anew");
  // With new settings, dc_config does so on hearing of them.
  if (!done) caf::anon_send(core.names.find(names::dc_config), actors::refresh_telegram_config{});
  // They have been read: it tells what is new.
  if (done) caf::anon_send(core.names.find(names::certificate_watch), actors::read_certificates{});
  return done;
}

tl::expected<std::string, std::string> reloader::read_and_apply_file() {
  auto loaded = reread_();
  if (loaded) return apply(*loaded);
  std::string why;
  for (const auto& problem : loaded.error())
    why += (why.empty() ? "" : "\n") + to_string(problem);
  return tl::unexpected{std::move(why)};
}

tl::expected<std::string, std::string> reloader::apply(const config::loaded_settings& loaded) {
  auto& core = proxy_->core();
  auto* const side = proxy_->parts().client;
  auto wanted = config::settled(loaded.settings, configured_);
  const auto changes = config::differences(configured_, wanted);
  const auto waiting = config::differences(wanted, loaded.settings);
  auto configured = wanted;
  const auto links = describe_links(*core.config.get(), std::string{});

  // All that can fail.
  proxy_->apply_limits(wanted);
  const auto own = own_ports();
  std::optional<port_change> ports;
  if (side != nullptr) {
    auto prepared = port_change::prepare(*side, wanted.client, own);
    if (!prepared) return tl::unexpected{std::move(prepared.error())};
    ports.emplace(std::move(*prepared));
  }
  const bool metrics_move = wanted.process.metrics_listen != configured_.process.metrics_listen;
  std::unique_ptr<metrics_endpoint> metrics;
  if (metrics_move && wanted.process.metrics_listen) {
    const bool beside_own = own.contains(wanted.process.metrics_listen->port);
    auto opened = metrics_endpoint::open(
        *wanted.process.metrics_listen, [&core] { return metrics_text(core.metrics); }, {},
        beside_own);
    if (!opened) return tl::unexpected{std::move(opened.error())};
    metrics = std::move(*opened);
  }
  std::optional<link_change> link;
  if (auto* const link_side = proxy_->parts().link) {
    auto prepared = link_change::prepare(*link_side, configured_.link, wanted.link, own);
    if (!prepared) return tl::unexpected{std::move(prepared.error())};
    link.emplace(std::move(*prepared));
    if (link_side->credentials != nullptr)
      wanted.link.node_name = link_side->credentials->current()->name();
  }

  // Nothing fails from here on.
  if (ports) {
    set_client_options(ports->served());
    ports->publish(net::steady_clock::now());
  }
  core.config.set(std::make_shared<const config::settings>(wanted));
  configured_ = std::move(configured);
  spdlog::set_level(spdlog::level::from_str(wanted.process.log_level));
  if (metrics_move) metrics_ = std::move(metrics);
  if (ports) exchange_listeners(*side, *ports);
  notify();
  if (link) link->publish(wanted);
  if (describe_links(wanted, std::string{}) != links) links_changed_();
  return describe(changes, waiting, loaded.warnings);
}

/// The numbers of all ports that this process listens on.
std::set<std::uint16_t> reloader::own_ports() const {
  std::set<std::uint16_t> numbers;
  const auto& parts = proxy_->parts();
  if (parts.client != nullptr) {
    const auto ports = parts.client->ports.get();
    for (const auto& served : *ports)
      numbers.insert(served.sockets->where().port);
  }
  if (metrics_ != nullptr) numbers.insert(metrics_->where().port);
  if (parts.link != nullptr)
    if (const auto sockets = parts.link->port.get()->sockets) numbers.insert(sockets->where().port);
  return numbers;
}

/// Tells actors that have to act at once; others look when they come to it.
void reloader::notify() {
  auto& core = proxy_->core();
  caf::anon_send(core.names.find(names::dc_config), actors::config_changed{});
  for (const auto& reactor : core.reactors) {
    caf::anon_send(core.names.find(names::memory_guard(reactor->index())),
                   actors::config_changed{});
    caf::anon_send(core.names.find(names::client_roster(reactor->index())),
                   actors::config_changed{});
  }
}

}  // namespace mtp::app
