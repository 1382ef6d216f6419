// Every actor of the running supervision trees of a front and a back is killed, one after the
// other, while clients talk.
#include <spdlog/spdlog.h>

#include <set>

#include "actors/node_link/back_session.hpp"
#include "tests/app/running_node.hpp"
#include "tests/support/fake_telegram.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::app {
namespace {

using test::eventually;
namespace names = actors::names;

constexpr dc_id served_dc = 2;
constexpr std::size_t idle_clients = 6;
constexpr unsigned reactors = 2;

/// A front and a back in this process, joined over loopback.
struct split_fixture {
  test::fake_telegram telegram{{.dcs = {1, served_dc}}};
  test::temporary_directory directory;
  test::certificate_authority authority{directory.path(), "ca"};
  secret16 secret = net::random_array<16>();
  running_node back;
  running_node front;
  std::vector<net::proxy_client> idle;

  split_fixture() { spdlog::set_level(spdlog::level::off); }
  split_fixture(const split_fixture&) = delete;
  split_fixture& operator=(const split_fixture&) = delete;
  split_fixture(split_fixture&&) = delete;
  split_fixture& operator=(split_fixture&&) = delete;
  ~split_fixture() {
    front.proxy.reset();
    back.proxy.reset();
    spdlog::set_level(spdlog::level::info);
  }

  config::settings settings(config::node_role role, const std::string& name,
                            config::link_security security) {
    config::settings settings;
    settings.process.role = role;
    settings.link.node_name = name;
    settings.process.reactors = reactors;
    settings.process.state_dir = directory.path() / name;
    settings.uplink.ip_lookup_services.clear();
    auto& link = settings.link.node_link;
    link.security = security;
    if (security == config::link_security::tls) {
      const auto files = authority.issue(name, {.name = name});
      link.certificate = files.certificate;
      link.key = files.key;
      link.ca = files.ca;
    } else {
      link.cluster_cookie = "a cookie of this test";
    }
    return settings;
  }
  void start(config::link_security security) {
    const endpoint loopback{.ip = ip_address::v4({127, 0, 0, 1}), .port = 0};
    auto of_back = settings(config::node_role::back, "back", security);
    of_back.link.node_link.listen = loopback;
    of_back.link.node_link.allowed_nodes = {"front"};
    of_back.uplink.proxy_secret_url = telegram.secret_url();
    of_back.uplink.proxy_config_url = telegram.config_url();
    of_back.uplink.proxy_config_v6_url = telegram.config_v6_url();
    back.start(of_back);
    auto of_front = settings(config::node_role::front, "front", security);
    const auto port = back.proxy->parts().link->port.get()->sockets->where().port;
    of_front.link.back_nodes.push_back({.name = "back", .host = "127.0.0.1", .port = port});
    of_front.client.ports.push_back(
        {.name = "test", .listen = loopback, .secret = secret, .tag = std::nullopt});
    front.start(of_front);
    REQUIRE(eventually([&] { return session() != 0; }, patience));
    REQUIRE(eventually([&] { return telegram.conns(served_dc) == 2 && telegram.conns(1) == 2; },
                       patience));
    for (std::size_t i = 0; i < idle_clients; ++i) {
      idle.push_back(front.connect(secret, served_dc));
      REQUIRE(echoes(idle.back()));
    }
  }

  /// Of the front with the back; 0 if there is none.
  std::uint64_t session() {
    return front.ask<actors::back_status>(names::back_session(0), actors::get_back_status{})
        .session;
  }
  /// The idle clients are served and no others, and none is about to move.
  bool have_moved() {
    return eventually(
        [&] {
          return telegram.conns(served_dc) == 2 && front.in_tunnel() == idle.size() &&
                 back.pool_status(served_dc).n_clients == idle.size();
        },
        patience);
  }
  void kill_one(running_node& node, const std::map<path, caf::actor>& tree, const path& where);
  void kill_all(running_node& node, std::set<std::string> expected);
};

/// Whether the session between the nodes does not survive that one.
bool carries_session(const path& where) {
  static const std::set<std::string> carriers{"back_agent_sup", "link_gateway", "back_session_sup",
                                              "front_agent_0", "front_agent_1"};
  return carriers.contains(where[1]);
}

void split_fixture::kill_one(running_node& node, const std::map<path, caf::actor>& tree,
                             const path& where) {
  CAPTURE(to_string(where));
  REQUIRE(have_moved());
  const auto before = session();
  const auto closed = telegram.closed_clients(served_dc);
  REQUIRE(node.complete(tree, node.kill(where)));
  if (carries_session(where)) {
    REQUIRE(eventually([&] { return session() != 0 && session() != before; }, patience));
    // Telegram was told: no client of the session before still counts as served.
    REQUIRE(eventually([&] { return telegram.closed_clients(served_dc) >= closed + idle.size(); },
                       patience));
  }
  REQUIRE(have_moved());
  for (auto& client : idle)
    REQUIRE(echoes(client));
  auto fresh = front.connect(secret, served_dc);
  REQUIRE(echoes(fresh));
}

/// `expected`: children, with their supervisors, that must be among those that are killed.
void split_fixture::kill_all(running_node& node, std::set<std::string> expected) {
  const auto tree = node.walk();
  for (const auto& [where, ignored] : tree) {
    kill_one(node, tree, where);
    expected.erase(to_string({where.end() - 2, where.end()}));
  }
  CAPTURE(to_string({expected.begin(), expected.end()}));
  CHECK(expected.empty());
  CHECK_FALSE(node.ended);
}

TEST_CASE_FIXTURE(split_fixture, "tree of a back: every actor comes back, and no client notices") {
  start(config::link_security::tls);
  kill_all(back,
           {"proxy_sup > inspector", "proxy_sup > memory_guard_0", "proxy_sup > memory_guard_1",
            "proxy_sup > certificate_watch", "proxy_sup > http_fetcher", "proxy_sup > dc_conn_sup",
            "dc_conn_sup > child 0", "dc_conn_sup > child 3", "proxy_sup > dc_pool_sup",
            "dc_pool_sup > dc_pool_1", "dc_pool_sup > dc_pool_2", "proxy_sup > dc_config",
            "proxy_sup > back_agent_sup", "back_agent_sup > child 0", "back_agent_sup > child 1",
            "proxy_sup > link_gateway", "proxy_sup > link_listener"});
  // The new listener lets fronts in.
  kill_one(front, front.walk(), {"proxy_sup", "back_session_sup", "back_session_0"});
}

TEST_CASE_FIXTURE(split_fixture, "tree of a front: every actor comes back, and no client notices") {
  start(config::link_security::tls);
  kill_all(front,
           {"proxy_sup > inspector", "proxy_sup > memory_guard_0", "proxy_sup > memory_guard_1",
            "proxy_sup > certificate_watch", "proxy_sup > back_session_sup",
            "back_session_sup > back_session_0", "proxy_sup > front_agent_0",
            "proxy_sup > front_agent_1", "proxy_sup > replay_writer", "proxy_sup > cover_profiler",
            "proxy_sup > replay_sweeper", "proxy_sup > client_roster_0",
            "proxy_sup > client_roster_1", "proxy_sup > listener_sup",
            "listener_sup > listener_test_0", "listener_sup > listener_test_1"});
}

TEST_CASE_FIXTURE(split_fixture, "tree of a back, of a front: without its root nothing is left") {
  start(config::link_security::plain);
  caf::anon_send_exit(back.proxy->root(), caf::exit_reason::kill);
  CHECK(eventually([&] { return back.ended && back.proxy->is_idle(); }, patience));
  CHECK(eventually([&] { return telegram.conns(served_dc) == 0; }, patience));
  CHECK(eventually([&] { return session() == 0; }, patience));
  CHECK_FALSE(front.ended);
  // Clients wait for another back.
  CHECK(front.connections() == idle.size());
  caf::anon_send_exit(front.proxy->root(), caf::exit_reason::kill);
  CHECK(eventually([&] { return front.ended && front.proxy->is_idle(); }, patience));
  for (auto& client : idle)
    CHECK_FALSE(echoes(client));
}

}  // namespace
}  // namespace mtp::app
