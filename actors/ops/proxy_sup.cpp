#include "actors/ops/proxy_sup.hpp"

#include <caf/all.hpp>

#include "actors/client/client_roster.hpp"
#include "actors/client/listener.hpp"
#include "actors/client/replay_sweeper.hpp"
#include "actors/core/memory_guard.hpp"
#include "actors/node_link/back_session.hpp"
#include "actors/node_link/caf_openssl_link.hpp"
#include "actors/node_link/certificate_watch.hpp"
#include "actors/node_link/front_agent.hpp"
#include "actors/node_link/link_gateway.hpp"
#include "actors/node_link/link_listener.hpp"
#include "actors/node_link/remote_back_session.hpp"
#include "actors/ops/inspector.hpp"
#include "actors/uplink/middle/dc_config.hpp"
#include "actors/uplink/middle/http_fetcher.hpp"
#include "actors/uplink/routing.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

child_spec permanent(std::string id, child_start start, std::chrono::milliseconds shutdown = 2s) {
  return {.id = std::move(id),
          .restart = restart_policy::permanent,
          .shutdown = shutdown,
          .start = std::move(start)};
}

/// A supervisor below: it needs time to stop its own children.
child_spec supervisor_child(environment& env, supervisor_spec spec) {
  auto name = spec.name;
  return permanent(
      std::move(name),
      [&env, spec = std::move(spec)] { return spawn_supervisor(env.system(), spec, env.names); },
      10s);
}

/// A supervisor whose children are started on demand.
child_spec dynamic_supervisor(environment& env, std::string name, restart_policy restart) {
  const child_spec common{.id = {}, .restart = restart, .shutdown = 2s, .start = {}};
  return supervisor_child(env, {.name = std::move(name),
                                .strategy = supervision_strategy::simple_one_for_one,
                                .children = {common}});
}

template <class Actor, class... Args>
child_start pinned_start(net::reactor& home, Args&... args) {
  return [&home, ... args = std::ref(args)] { return net::spawn_pinned<Actor>(home, args...); };
}

/// An actor that is a behavior with a state.
template <class Self, caf::spawn_options Options = caf::no_spawn_options>
child_start scheduled_start(environment& env, caf::behavior (*behave)(Self*, environment&)) {
  return [&env, behave] {
    return net::spawn_quiet<Self, Options>(
        env.system(), [&env, behave](Self* self) { return behave(self, env); });
  };
}

supervisor_spec listener_sup_spec(environment& env) {
  supervisor_spec out{.name = "listener_sup"};
  for (const auto& port : env.ports)
    for (const auto& reactor : env.reactors)
      out.children.push_back(
          permanent("listener_" + port->settings.name + '_' + std::to_string(reactor->index()),
                    pinned_start<listener>(*reactor, env, *port)));
  return out;
}

/// What speaks to Telegram.
void add_telegram_side(environment& env, std::vector<child_spec>& children) {
  children.push_back(permanent(
      "http_fetcher", scheduled_start<caf::event_based_actor, caf::detached>(env, http_fetcher)));
  children.push_back(dynamic_supervisor(env, "dc_conn_sup", restart_policy::temporary));
  children.push_back(dynamic_supervisor(env, "dc_pool_sup", restart_policy::permanent));
  children.push_back(permanent("dc_config", scheduled_start(env, dc_config)));
}

/// A back's end of links to fronts.
void add_gateway(environment& env, std::vector<child_spec>& children) {
  children.push_back(dynamic_supervisor(env, "back_agent_sup", restart_policy::temporary));
  children.push_back(permanent(std::string{gateway_name}, scheduled_start(env, link_gateway)));
  const bool by_caf = env.settings.node_link.security == config::link_security::caf_openssl;
  if (by_caf && env.settings.role == config::node_role::back)
    children.push_back(permanent("link_listener", scheduled_start(env, caf_openssl_listener)));
  if (env.link_port != nullptr)
    children.push_back(
        permanent("link_listener", pinned_start<link_listener>(*env.reactors[0], env)));
}

/// A front's end. Agents are above handlers, so that these can still say goodbye; what keeps the
/// link is above them.
void add_way_to_backs(environment& env, std::vector<child_spec>& children) {
  for (std::size_t place = 0; place < number_of_backs(env.settings); ++place) {
    auto& home = *env.reactors[place % env.reactors.size()];
    children.push_back(permanent(back_session_name(place), [&env, &home, place] {
      if (env.settings.role == config::node_role::both)
        return net::spawn_pinned<local_back_session>(home, std::ref(env), place);
      if (env.settings.node_link.security == config::link_security::caf_openssl)
        return net::spawn_pinned<caf_openssl_back_session>(home, std::ref(env), place);
      return net::spawn_pinned<remote_back_session>(home, std::ref(env), place);
    }));
  }
  for (const auto& reactor : env.reactors)
    children.push_back(
        permanent(front_agent_name(reactor->index()), pinned_start<front_agent>(*reactor, env)));
}

/// What clients meet.
void add_client_side(environment& env, std::vector<child_spec>& children) {
  children.push_back(permanent("replay_sweeper", scheduled_start(env, replay_sweeper)));
  for (const auto& reactor : env.reactors)
    children.push_back(permanent("client_roster_" + std::to_string(reactor->index()),
                                 pinned_start<client_roster>(*reactor, env)));
  children.push_back(supervisor_child(env, listener_sup_spec(env)));
}

}  // namespace

supervisor_spec proxy_sup_spec(environment& env) {
  supervisor_spec out{.name = root_name};
  auto& children = out.children;
  const auto& settings = env.settings;
  // First, so that it can be asked until all others have stopped.
  children.push_back(permanent("inspector", scheduled_start(env, inspector)));
  for (const auto& reactor : env.reactors)
    children.push_back(
        permanent(memory_guard_name(reactor->index()), pinned_start<memory_guard>(*reactor, env)));
  if (env.link_credentials != nullptr)
    children.push_back(permanent("certificate_watch", scheduled_start(env, certificate_watch)));
  if (settings.is_back()) add_telegram_side(env, children);
  if (settings.is_back() && settings.has_link()) add_gateway(env, children);
  if (settings.is_front() && settings.has_link()) add_way_to_backs(env, children);
  if (settings.is_front()) add_client_side(env, children);
  return out;
}

}  // namespace mtp::actors
