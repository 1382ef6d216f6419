#include "actors/ops/proxy_sup.hpp"

#include <caf/all.hpp>

#include "actors/client/client_roster.hpp"
#include "actors/client/cover_profiler.hpp"
#include "actors/client/listener.hpp"
#include "actors/client/replay_sweeper.hpp"
#include "actors/client/replay_writer.hpp"
#include "actors/core/memory_guard.hpp"
#include "actors/core/names.hpp"
#include "actors/node_link/caf_openssl_link.hpp"
#include "actors/node_link/certificate_watch.hpp"
#include "actors/node_link/front_agent.hpp"
#include "actors/node_link/link_gateway.hpp"
#include "actors/node_link/link_listener.hpp"
#include "actors/node_link/remote_back_session.hpp"
#include "actors/ops/inspector.hpp"
#include "actors/uplink/middle/dc_config.hpp"
#include "actors/uplink/middle/http_fetcher.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

child_spec permanent(std::string_view id, child_start start,
                     std::chrono::milliseconds shutdown = 2s) {
  return {.id = std::string{id},
          .restart = restart_policy::permanent,
          .shutdown = shutdown,
          .start = std::move(start)};
}

/// A supervisor below: it needs time to stop its own children.
child_spec supervisor_child(node_core& core, supervisor_spec spec) {
  const auto name = spec.name;
  return permanent(
      name,
      [&core, spec = std::move(spec)] { return spawn_supervisor(core.system(), spec, core.names); },
      10s);
}

/// A supervisor whose children are started on demand.
child_spec dynamic_supervisor(node_core& core, std::string_view name, restart_policy restart) {
  const child_spec common{.id = {}, .restart = restart, .shutdown = 2s, .start = {}};
  return supervisor_child(core, {.name = std::string{name},
                                 .strategy = supervision_strategy::simple_one_for_one,
                                 .children = {common}});
}

/// A supervisor whose children come and go: each start asks anew for them.
template <class Side>
child_spec changing_supervisor(node_core& core, std::string_view name, Side& side,
                               supervisor_spec (*make)(Side&)) {
  return permanent(
      name,
      [&core, &side, make] { return spawn_supervisor(core.system(), make(side), core.names); },
      10s);
}

template <class Actor, class... Args>
child_start pinned_start(net::reactor& home, Args&... args) {
  return [&home, ... args = std::ref(args)] { return net::spawn_pinned<Actor>(home, args...); };
}

/// An actor that is a behavior with a state.
template <caf::spawn_options Options = caf::no_spawn_options, class Self, class Side>
child_start scheduled_start(node_core& core, Side& side, caf::behavior (*behave)(Self*, Side&)) {
  return [&core, &side, behave] {
    return net::spawn_quiet<Self, Options>(
        core.system(), [&side, behave](Self* self) { return behave(self, side); });
  };
}

supervisor_spec listener_sup_spec(client_side& side) {
  supervisor_spec spec{.name = std::string{names::listener_sup}};
  const auto ports = side.ports.get();
  for (const auto& served : *ports)
    for (auto& [name, start] : listeners_of(side, served))
      spec.children.push_back(permanent(name, std::move(start)));
  return spec;
}

/// What speaks to Telegram.
void add_uplink_side(uplink_side& side, std::vector<child_spec>& children) {
  auto& core = side.core;
  children.push_back(
      permanent(names::http_fetcher, scheduled_start<caf::detached>(core, core, http_fetcher)));
  children.push_back(dynamic_supervisor(core, names::dc_conn_sup, restart_policy::temporary));
  children.push_back(dynamic_supervisor(core, names::dc_pool_sup, restart_policy::permanent));
  children.push_back(permanent(names::dc_config, scheduled_start(core, side, dc_config)));
}

/// A back's end of links to fronts.
void add_gateway(node_link_side& side, std::vector<child_spec>& children) {
  auto& core = side.core;
  const auto settings = core.config.get();
  children.push_back(dynamic_supervisor(core, names::back_agent_sup, restart_policy::temporary));
  children.push_back(permanent(names::link_gateway, scheduled_start(core, side, link_gateway)));
  const bool by_caf = settings->link.node_link.security == config::link_security::caf_openssl;
  if (by_caf && settings->process.role == config::node_role::back)
    children.push_back(
        permanent(names::link_listener, scheduled_start(core, side, caf_openssl_listener)));
  if (side.port.get()->sockets != nullptr)
    children.push_back(
        permanent(names::link_listener, pinned_start<link_listener>(*core.reactors[0], side)));
}

child_start back_session_start(node_link_side& side, net::reactor& home, std::size_t place) {
  const auto settings = side.core.config.get();
  if (settings->process.role == config::node_role::both)
    return [&side, &home, place] {
      return net::spawn_pinned<local_back_session>(home, std::ref(side), place);
    };
  if (settings->link.node_link.security == config::link_security::caf_openssl)
    return [&side, &home, place] {
      return net::spawn_pinned<caf_openssl_back_session>(home, std::ref(side), place);
    };
  return [&side, &home, place] {
    return net::spawn_pinned<remote_back_session>(home, std::ref(side), place);
  };
}

supervisor_spec back_session_sup_spec(node_link_side& side) {
  supervisor_spec spec{.name = std::string{names::back_session_sup}};
  const auto backs = side.backs.get();
  for (const auto& back : *backs) {
    auto [name, start] = session_with(side, back);
    spec.children.push_back(permanent(name, std::move(start)));
  }
  return spec;
}

/// A front's end. Agents are above clients, so that these can still say goodbye; what keeps the
/// link is above them.
void add_way_to_backs(node_link_side& side, std::vector<child_spec>& children) {
  auto& core = side.core;
  children.push_back(
      changing_supervisor(core, names::back_session_sup, side, back_session_sup_spec));
  for (const auto& reactor : core.reactors)
    children.push_back(
        permanent(names::front_agent(reactor->index()), pinned_start<front_agent>(*reactor, side)));
}

/// What clients meet.
void add_client_side(client_side& side, std::vector<child_spec>& children) {
  auto& core = side.core;
  children.push_back(
      permanent(names::replay_writer, scheduled_start<caf::detached>(core, side, replay_writer)));
  children.push_back(
      permanent(names::cover_profiler, scheduled_start<caf::detached>(core, side, cover_profiler)));
  children.push_back(permanent(names::replay_sweeper, scheduled_start(core, side, replay_sweeper)));
  for (const auto& reactor : core.reactors)
    children.push_back(permanent(names::client_roster(reactor->index()),
                                 pinned_start<client_roster>(*reactor, side)));
  children.push_back(changing_supervisor(core, names::listener_sup, side, listener_sup_spec));
}

}  // namespace

std::vector<start_child> listeners_of(client_side& side, const served_port& served) {
  std::vector<start_child> listeners;
  for (const auto& reactor : side.core.reactors)
    listeners.push_back({.id = names::listener(served.port->name, reactor->index()),
                         .start = [&side, &home = *reactor, served] {
                           return net::spawn_pinned<listener>(home, std::ref(side), served);
                         }});
  return listeners;
}

start_child session_with(node_link_side& side, const known_back& back) {
  const auto& reactors = side.core.reactors;
  return {.id = names::back_session(back.place),
          .start = back_session_start(side, *reactors[back.place % reactors.size()], back.place)};
}

supervisor_spec proxy_sup_spec(node_parts& node) {
  auto& core = node.core;
  supervisor_spec spec{.name = std::string{names::root}};
  auto& children = spec.children;
  // First, so that it can be asked until all others have stopped.
  children.push_back(permanent(names::inspector, scheduled_start(core, node, inspector)));
  for (const auto& reactor : core.reactors)
    children.push_back(permanent(names::memory_guard(reactor->index()),
                                 pinned_start<memory_guard>(*reactor, core)));
  if (node.link != nullptr && node.link->credentials != nullptr)
    children.push_back(
        permanent(names::certificate_watch, scheduled_start(core, *node.link, certificate_watch)));
  if (node.uplink != nullptr) add_uplink_side(*node.uplink, children);
  if (node.link != nullptr && node.uplink != nullptr) add_gateway(*node.link, children);
  if (node.link != nullptr && node.client != nullptr) add_way_to_backs(*node.link, children);
  if (node.client != nullptr) add_client_side(*node.client, children);
  return spec;
}

}  // namespace mtp::actors
