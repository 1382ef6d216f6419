// A node in the test's own process: its supervision tree, as it is now, and its clients.
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <caf/all.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/client/client_status.hpp"
#include "actors/core/names.hpp"
#include "actors/core/supervisor.hpp"
#include "actors/uplink/middle/dc_pool.hpp"
#include "app/node.hpp"
#include "net/client/proxy_client.hpp"
#include "net/loop/entropy.hpp"
#include "tests/support/process.hpp"

namespace mtp::app {

inline constexpr std::chrono::seconds patience{10};

inline net::proxy_client::clock::time_point soon() {
  return net::proxy_client::clock::now() + patience;
}

/// A place in the tree: names from the root down. Children without a name are told apart by number.
using path = std::vector<std::string>;

inline std::string to_string(const path& of) {
  std::string text;
  for (const auto& part : of)
    text += (text.empty() ? "" : " > ") + part;
  return text;
}

/// Sends random bytes and expects them back.
inline bool echoes(net::proxy_client& client) {
  bytes packet(64);
  net::fill_random(packet);
  packet[0] |= 1;
  if (!client.send(packet, false, soon())) return false;
  const auto got = client.receive(soon());
  return got && got->packet == packet;
}

struct running_node {
  std::optional<node> proxy;
  /// The tree has ended.
  std::atomic<bool> ended = false;

  void start(const config::settings& settings) {
    proxy.emplace(settings);
    REQUIRE(proxy->start([this] { ended = true; }));
  }

  /// A client of the first port whose handshake is done.
  net::proxy_client connect(const secret16& secret, dc_id dc) {
    const auto port = proxy->core().config.get()->client.ports[0].listen.port;
    auto socket = net::blocking_socket::connect("127.0.0.1", port, soon());
    REQUIRE(socket);
    net::proxy_client client{
        std::move(*socket),
        {.secret = secret, .kind = framing::padded, .dc = dc, .tls_domain = std::nullopt}};
    REQUIRE(client.handshake(soon()));
    return client;
  }
  /// Of the first port.
  std::size_t connections() {
    return proxy->parts().client->ports.get()->front().port->connections;
  }

  /// The answer of the actor of that name; a default one while there is none.
  template <class Answer, class Question>
  Answer ask(const std::string& name, Question question) {
    return ask<Answer>(proxy->core().names.find(name), std::move(question));
  }
  template <class Answer, class Question>
  Answer ask(const caf::actor& actor, Question question) {
    Answer answer{};
    if (actor == nullptr) return answer;
    caf::scoped_actor self{proxy->system()};
    self->request(actor, patience, std::move(question))
        .receive([&](Answer& given) { answer = std::move(given); },
                 [](const caf::error&) { /* it has just ended */ });
    return answer;
  }

  std::vector<actors::child_status> children_of(const caf::actor& supervisor) {
    auto children = ask<std::vector<actors::child_status>>(supervisor, actors::list_children{});
    for (std::size_t i = 0; i < children.size(); ++i)
      if (children[i].id.empty()) children[i].id = "child " + std::to_string(i);
    return children;
  }
  /// All actors below the root, parents first.
  std::map<path, caf::actor> walk() {
    std::map<path, caf::actor> found;
    walk(proxy->root(), {"proxy_sup"}, found);
    return found;
  }
  void walk(const caf::actor& supervisor, const path& at, std::map<path, caf::actor>& found) {
    for (const auto& child : children_of(supervisor)) {
      if (child.handle == nullptr) continue;
      auto below = at;
      below.push_back(child.id);
      found.emplace(below, child.handle);
      if (child.strategy) walk(child.handle, below, found);
    }
  }
  /// Waits until the tree has all those places, and `old` is at none of them.
  bool complete(const std::map<path, caf::actor>& wanted, const caf::actor& old) {
    return test::eventually(
        [&] {
          const auto now = walk();
          return std::ranges::all_of(wanted, [&](const auto& item) {
            const auto found = now.find(item.first);
            return found != now.end() && found->second != old;
          });
        },
        patience);
  }
  /// Kills what is at that place now: an earlier kill may have replaced it. Its handle.
  caf::actor kill(const path& where) {
    const auto now = walk();
    const auto victim = now.find(where);
    REQUIRE(victim != now.end());
    caf::anon_send_exit(victim->second, caf::exit_reason::kill);
    return victim->second;
  }

  actors::dc_pool_status pool_status(dc_id dc) {
    return ask<actors::dc_pool_status>(actors::names::dc_pool(dc), actors::get_dc_pool_status{});
  }
  /// Clients that have a connection to Telegram, and know it. The question also goes behind all
  /// that their reactors were told before.
  std::size_t in_tunnel() {
    std::size_t clients = 0;
    for (unsigned i = 0; i < proxy->core().reactors.size(); ++i) {
      const auto all =
          ask<actors::client_overview>(actors::names::client_roster(i), actors::list_clients{});
      for (const auto& [group, count] : all.groups)
        if (group.stage == "tunnel") clients += count;
    }
    return clients;
  }
};

}  // namespace mtp::app
