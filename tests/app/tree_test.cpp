// Every actor of the running supervision tree of a `both` node is killed, one after the other,
// while clients talk.
#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <caf/all.hpp>

#include "actors/client/client_conn.hpp"
#include "tests/app/running_node.hpp"
#include "tests/support/fake_command.hpp"
#include "tests/support/fake_telegram.hpp"

namespace mtp::app {
namespace {

using namespace std::chrono_literals;
using actors::child_status;
using test::eventually;

constexpr dc_id asked_dc = 2;

/// Kills a client's client_conn, from the thread it lives in.
class client_conn_killer final : public net::pinned_actor {
 public:
  client_conn_killer(caf::actor_config& cfg, net::reactor& home, actors::client_side& side)
      : pinned_actor{cfg, home}, side_{&side} {}

 private:
  caf::behavior start() override {
    if (auto* const client = side_->clients[home().index()].front())
      caf::anon_send_exit(caf::actor{client}, caf::exit_reason::kill);
    quit();
    return {};
  }
  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(net::timer&) override {}
  void stopped() override {}

  actors::client_side* side_;
};

struct fixture : running_node {
  test::fake_telegram telegram{{.dcs = {1, asked_dc, -asked_dc}}};
  test::temporary_directory directory;
  secret16 secret = net::random_array<16>();

  fixture() { spdlog::set_level(spdlog::level::off); }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  fixture(fixture&&) = delete;
  fixture& operator=(fixture&&) = delete;
  ~fixture() {
    proxy.reset();
    spdlog::set_level(spdlog::level::info);
  }

  void start(bool through_link_agents) {
    config::settings settings;
    settings.client.ports.push_back({.name = "test",
                                     .listen = {.ip = ip_address::v4({127, 0, 0, 1}), .port = 0},
                                     .secret = secret,
                                     .tag = std::nullopt});
    settings.uplink.proxy_secret_url = telegram.secret_url();
    settings.uplink.proxy_config_url = telegram.config_url();
    settings.uplink.proxy_config_v6_url = telegram.config_v6_url();
    settings.uplink.ip_lookup_services.clear();
    settings.process.state_dir = directory.path();
    settings.process.reactors = 2;
    settings.process.through_link_agents = through_link_agents;
    running_node::start(settings);
  }

  net::proxy_client connect() { return running_node::connect(secret, asked_dc); }
  actors::dc_pool_status pool_status() { return running_node::pool_status(asked_dc); }
  caf::actor pool() { return proxy->core().names.find(actors::names::dc_pool(asked_dc)); }
  /// So many clients are served, and none is about to move: a client that sends before it has moved
  /// has something in flight.
  bool have_moved(std::size_t clients) {
    return eventually([&] { return in_tunnel() == clients && pool_status().n_clients == clients; },
                      patience);
  }
  bool links_up() {
    return eventually([&] { return telegram.conns(asked_dc) == 2; }, patience);
  }
};

void kill_everything(fixture& on) {
  REQUIRE(on.links_up());
  std::vector<net::proxy_client> idle;
  for (int i = 0; i < 8; ++i) {
    idle.push_back(on.connect());
    REQUIRE(echoes(idle.back()));
  }
  REQUIRE(eventually([&] { return on.telegram.conns(1) == 2 && on.telegram.conns(-2) == 2; },
                     patience));
  const auto tree = on.walk();
  INFO(tree.size() << " nodes");
  // proxy_sup's own, agents aside; 3 pools, 6 connections, 2 listeners.
  CHECK(tree.size() >= 8 + 3 + 6 + 2);
  for (const auto& [where, ignored] : tree) {
    CAPTURE(to_string(where));
    REQUIRE(on.complete(tree, on.kill(where)));
    REQUIRE(on.links_up());
    REQUIRE(on.have_moved(idle.size()));
    for (auto& client : idle)
      REQUIRE(echoes(client));
    auto fresh = on.connect();
    REQUIRE(echoes(fresh));
  }
  CHECK_FALSE(on.ended);

  // Those that came after a kill have left.
  REQUIRE(eventually([&] { return on.connections() == idle.size(); }, patience));
  // The client of a killed client_conn is gone with it; all other clients stay.
  net::spawn_pinned<client_conn_killer>(*on.proxy->core().reactors[0],
                                        std::ref(*on.proxy->parts().client));
  net::spawn_pinned<client_conn_killer>(*on.proxy->core().reactors[1],
                                        std::ref(*on.proxy->parts().client));
  std::size_t alive = 0;
  REQUIRE(eventually([&] { return on.connections() == idle.size() - 2; }, patience));
  for (auto& client : idle)
    alive += echoes(client) ? 1 : 0;
  CHECK(alive == idle.size() - 2);
}

TEST_CASE_FIXTURE(fixture, "tree: every node comes back, and no client notices") {
  start(false);
  kill_everything(*this);
}

TEST_CASE_FIXTURE(fixture, "tree: every node comes back, link agents too, and no client notices") {
  start(true);
  kill_everything(*this);
}

// -- killed during migration --------------------------------------------------------------------

struct migrating : fixture {
  static constexpr std::size_t idle_clients = 20;
  std::vector<net::proxy_client> idle;
  std::map<path, caf::actor> whole_tree;

  void begin(bool through_link_agents) {
    start(through_link_agents);
    REQUIRE(links_up());
    for (std::size_t i = 0; i < idle_clients; ++i) {
      idle.push_back(connect());
      REQUIRE(echoes(idle.back()));
    }
    REQUIRE(
        eventually([&] { return telegram.conns(1) == 2 && telegram.conns(-2) == 2; }, patience));
    whole_tree = walk();
  }
  /// A client whose request Telegram has, and does not answer.
  net::proxy_client busy_client() {
    auto client = connect();
    REQUIRE(echoes(client));
    const auto before = telegram.requests().size();
    const auto request = test::encode({.action = test::fake_command::code::swallow});
    REQUIRE(client.send(request, false, soon()));
    REQUIRE(eventually([&] { return telegram.requests().size() > before; }, patience));
    return client;
  }
  void kill_children(const std::string& supervisor) {
    const auto victims = children_of(proxy->core().names.find(supervisor));
    for (const auto& child : victims)
      caf::anon_send_exit(child.handle, caf::exit_reason::kill);
    const auto is_victim = [&](const auto& now) {
      return std::ranges::find(victims, now.handle, &child_status::handle) != victims.end();
    };
    REQUIRE(eventually(
        [&] {
          return std::ranges::none_of(children_of(proxy->core().names.find(supervisor)), is_victim);
        },
        patience));
  }
  /// No client with nothing in flight has noticed; the others are closed; counts and tree are as
  /// before.
  void check_after(net::proxy_client& busy) {
    const auto got = busy.receive(soon());
    REQUIRE_FALSE(got);
    CHECK(got.error() == "closed");
    REQUIRE(have_moved(idle_clients));
    for (auto& client : idle)
      REQUIRE(echoes(client));
    auto fresh = connect();
    REQUIRE(echoes(fresh));
    CHECK(connections() == idle_clients + 1);
    CHECK(pool_status().n_clients == idle_clients + 1);
    CHECK(pool_status().n_waiting == 0);
    CHECK(eventually([&] { return pool_status().n_conns >= 2; }, patience));
    CHECK(complete(whole_tree, nullptr));
    CHECK_FALSE(ended);
  }
};

void kill_pool(migrating& on) {
  auto busy = on.busy_client();
  on.telegram.set_dc_dead(asked_dc, true);
  // All of them wait in the pool.
  REQUIRE(eventually([&] { return on.pool_status().n_waiting == on.idle_clients; }, patience));
  const auto victim = on.pool();
  caf::anon_send_exit(victim, caf::exit_reason::kill);
  REQUIRE(eventually([&] { return on.pool() != nullptr && on.pool() != victim; }, patience));
  REQUIRE(eventually([&] { return on.pool_status().n_waiting == on.idle_clients; }, patience));
  on.telegram.set_dc_dead(asked_dc, false);
  on.check_after(busy);
}

void kill_links(migrating& on) {
  for (int round = 0; round < 3; ++round) {
    REQUIRE(eventually([&] { return on.telegram.conns(asked_dc) >= 2; }, patience));
    auto busy = on.busy_client();
    on.telegram.close_conns(asked_dc, 1);
    // Those that clients move to, too.
    on.kill_children("dc_conn_sup");
    on.check_after(busy);
  }
}

void kill_listeners(migrating& on) {
  auto busy = on.busy_client();
  on.telegram.close_conns(asked_dc);
  on.kill_children("listener_sup");
  on.check_after(busy);
}

TEST_CASE_FIXTURE(migrating, "migration: its pool is killed while clients wait in it") {
  SUBCASE("side by side") {
    begin(false);
  }
  SUBCASE("through link agents") {
    begin(true);
  }
  kill_pool(*this);
}

TEST_CASE_FIXTURE(migrating, "migration: the connections that clients move to are killed") {
  SUBCASE("side by side") {
    begin(false);
  }
  SUBCASE("through link agents") {
    begin(true);
  }
  kill_links(*this);
}

TEST_CASE_FIXTURE(migrating, "migration: the listeners are killed meanwhile") {
  SUBCASE("side by side") {
    begin(false);
  }
  SUBCASE("through link agents") {
    begin(true);
  }
  kill_listeners(*this);
}

TEST_CASE_FIXTURE(fixture, "tree: without its root nothing is left") {
  start(false);
  auto client = connect();
  REQUIRE(echoes(client));
  caf::anon_send_exit(proxy->root(), caf::exit_reason::kill);
  CHECK(eventually([&] { return ended.load(); }, patience));
  // Nor its clients, although their rosters were killed.
  CHECK(eventually([&] { return proxy->is_idle(); }, patience));
  CHECK_FALSE(echoes(client));
  CHECK(eventually([&] { return telegram.conns(asked_dc) == 0; }, patience));
  proxy.reset();
}

}  // namespace
}  // namespace mtp::app
