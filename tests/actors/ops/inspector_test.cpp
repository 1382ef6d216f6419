#include "actors/ops/inspector.hpp"
#include "actors/core/names.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "actors/client/client_conn.hpp"
#include "actors/client/client_roster.hpp"
#include "actors/ops/proxy_sup.hpp"
#include "net/loop/entropy.hpp"
#include "tests/support/fixed_uplink.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

struct fixture {
  test::manual_node node{2};
  name_registry& names = node.core.names;
  std::vector<caf::actor> spawned;
  caf::actor asked;

  fixture() {
    asked = keep(node.system().spawn([this](caf::stateful_actor<inspector_state>* self) {
      return inspector(self, node.parts);
    }));
    auto config = std::make_shared<telegram_config>();
    for (const dc_id dc : {dc_id{-2}, dc_id{1}, dc_id{2}})
      config->v4.endpoints[dc].push_back(*parse_endpoint("10.0.0.1:8888"));
    node.uplink.telegram.set(std::move(config));
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  fixture(fixture&&) = delete;
  fixture& operator=(fixture&&) = delete;
  ~fixture() {
    for (const auto& actor : spawned)
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    node.settle();
  }

  caf::actor keep(caf::actor actor) {
    spawned.push_back(actor);
    return actor;
  }
  /// An actor that never answers anything.
  caf::actor mute() {
    return keep(node.system().spawn([](caf::event_based_actor* self) -> caf::behavior {
      self->set_default_handler(caf::skip);
      return {[](caf::unit_t) {}};
    }));
  }
  /// The report, if it has come after `wait`.
  template <class Report, class Question>
  std::optional<Report> ask(Question question, caf::timespan wait = 0s) {
    // Shared: an answer may come when the test does not wait for it any more.
    const auto answer = std::make_shared<std::optional<Report>>();
    keep(node.system().spawn([this, answer, question](caf::event_based_actor* self) {
      self->request(asked, caf::infinite, question).then([answer](const Report& got) {
        *answer = got;
      });
    }));
    node.settle();
    if (wait > 0s) node.advance(wait);
    return *answer;
  }
};

TEST_CASE_FIXTURE(fixture,
                  "inspector: the tree as it is, restarts counted, alike children as one") {
  const auto start = [this] {
    return node.system().spawn(
        [](caf::event_based_actor*) -> caf::behavior { return {[](caf::unit_t) {}}; });
  };
  const supervisor_spec below{.name = "many_sup",
                              .strategy = supervision_strategy::simple_one_for_one,
                              .children = {{.restart = restart_policy::temporary}}};
  const supervisor_spec root{
      .name = std::string{names::root},
      .children = {{.id = "first", .restart = restart_policy::permanent, .start = start},
                   {.id = "many_sup",
                    .start = [&] { return spawn_supervisor(node.system(), below, names); }},
                   {.id = "once", .restart = restart_policy::temporary, .start = start}}};
  names.put(std::string{names::root}, keep(spawn_supervisor(node.system(), root, names)));
  node.settle();
  for (int i = 0; i < 3; ++i)
    caf::anon_send(names.find("many_sup"), start_child{.id = {}, .start = start});
  caf::anon_send(names.find("many_sup"), start_child{.id = "named", .start = start});
  node.settle();
  for (const auto* const victim : {"first", "first", "once"}) {
    caf::anon_send_exit(names.find(victim), caf::exit_reason::kill);
    node.settle();
  }

  const auto report = ask<tree_report>(inspect_tree{});
  REQUIRE(report);
  const auto& nodes = report->nodes;
  REQUIRE(nodes.size() == 6);
  CHECK(nodes[0].id == "proxy_sup");
  CHECK(nodes[0].strategy == supervision_strategy::one_for_one);
  CHECK(nodes[1].id == "first");
  CHECK(nodes[1].parent == 0);
  CHECK(nodes[1].restarts == 2);
  CHECK(nodes[1].running);
  CHECK_FALSE(nodes[1].strategy);
  CHECK(nodes[2].id == "many_sup");
  CHECK(nodes[2].strategy == supervision_strategy::simple_one_for_one);
  CHECK(nodes[3].id == "once");
  CHECK(nodes[3].restart == restart_policy::temporary);
  CHECK_FALSE(nodes[3].running);
  CHECK(nodes[4].parent == 2);
  CHECK(nodes[4].count == 3);
  CHECK(nodes[5].id == "named");
  CHECK(nodes[5].parent == 2);
  for (const auto& listed : nodes)
    CHECK(listed.trouble.empty());
}

TEST_CASE_FIXTURE(fixture, "inspector: a supervisor that hangs or is not there is told") {
  auto report = ask<tree_report>(inspect_tree{});
  REQUIRE(report);
  REQUIRE(report->nodes.size() == 1);
  CHECK(report->nodes[0].trouble == "not running");
  CHECK_FALSE(report->nodes[0].running);

  names.put(std::string{names::root}, mute());
  CHECK_FALSE(ask<tree_report>(inspect_tree{}, 900ms));
  report = ask<tree_report>(inspect_tree{}, 1s);
  REQUIRE(report);
  CHECK(report->nodes[0].trouble == "no answer in 1 s");
}

TEST_CASE_FIXTURE(fixture, "inspector: a pool that hangs does not hold up the others") {
  names.put("dc_pool_1", keep(node.system().spawn([](caf::event_based_actor*) -> caf::behavior {
              return {[](get_dc_pool_status) {
                return dc_pool_status{.dc = 1, .n_conns = 3, .n_clients = 7};
              }};
            })));
  names.put("dc_pool_2", mute());
  CHECK_FALSE(ask<pools_report>(inspect_pools{}));
  const auto report = ask<pools_report>(inspect_pools{}, 1s);
  REQUIRE(report);
  REQUIRE(report->pools.size() == 3);
  CHECK(report->pools[0].dc == -2);
  CHECK(report->pools[0].trouble == "not running");
  CHECK(report->pools[1].dc == 1);
  CHECK(report->pools[1].trouble.empty());
  CHECK(report->pools[1].status.n_conns == 3);
  CHECK(report->pools[1].status.n_clients == 7);
  CHECK(report->pools[2].dc == 2);
  CHECK(report->pools[2].trouble == "no answer in 1 s");
}

/// A pool that lists these connections.
caf::actor pool_of(caf::actor_system& system, std::vector<pool_conn_status> conns) {
  return system.spawn([conns](caf::event_based_actor*) -> caf::behavior {
    return {[conns](list_pool_conns) { return conns; }};
  });
}

TEST_CASE_FIXTURE(fixture, "inspector: conns as their pool and they themselves know them") {
  const auto connection = keep(node.system().spawn([](caf::event_based_actor*) -> caf::behavior {
    return {[](get_dc_conn_status) {
      return dc_conn_status{.stage = "ready", .clients = 5, .unacked_bytes = 99};
    }};
  }));
  const auto at = *parse_endpoint("10.0.0.1:8888");
  names.put(
      "dc_pool_1",
      keep(pool_of(node.system(),
                   {{.number = 1, .handle = connection, .to = at, .ready = true, .clients = 6},
                    {.number = 4, .handle = mute(), .to = at},
                    {.number = 5, .to = at}})));
  names.put("dc_pool_2", mute());
  CHECK_FALSE(ask<conns_report>(inspect_conns{}));
  const auto report = ask<conns_report>(inspect_conns{}, 1s);
  REQUIRE(report);
  REQUIRE(report->pools.size() == 3);
  CHECK(report->pools[0].trouble == "not running");
  CHECK(report->pools[2].trouble == "no answer in 1 s");
  const auto& conns = report->pools[1].conns;
  REQUIRE(conns.size() == 3);
  CHECK(conns[0].known.number == 1);
  CHECK(conns[0].known.clients == 6);
  CHECK(conns[0].known.to == at);
  CHECK(conns[0].status.stage == "ready");
  CHECK(conns[0].status.unacked_bytes == 99);
  CHECK(conns[0].trouble.empty());
  CHECK(conns[1].trouble == "no answer in 1 s");
  CHECK(conns[2].trouble == "not running");
  for (const auto& conn : conns)
    CHECK(conn.known.handle == nullptr);
}

TEST_CASE_FIXTURE(fixture, "inspector: of very many conns some are left out, and counted") {
  for (const auto* const pool : {"dc_pool_-2", "dc_pool_1", "dc_pool_2"})
    names.put(pool, keep(pool_of(node.system(), std::vector<pool_conn_status>(600))));
  const auto report = ask<conns_report>(inspect_conns{});
  REQUIRE(report);
  std::size_t listed = 0;
  for (const auto& pool : report->pools)
    listed += pool.conns.size();
  CHECK(listed == max_inspected_conns);
  CHECK(report->left_out == 800);
}

/// Clients on socket pairs, on either reactor.
struct clients_fixture : fixture {
  std::shared_ptr<open_port> port;
  std::vector<net::unique_fd> clients;
  test::inbox<open_stream, cancel_stream> dc{node.system()};
  test::fixed_uplink uplink;

  clients_fixture() {
    auto sockets =
        net::bound_port::bind({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0}, 1, false);
    REQUIRE(sockets);
    const config::port_settings settings{.name = "test", .secret = net::random_array<16>()};
    port = std::make_shared<open_port>(settings, client_metrics{node.core.metrics, "test"});
    uplink.to = dc.handle();
    node.client.uplink = &uplink;
  }
  clients_fixture(const clients_fixture&) = delete;
  clients_fixture& operator=(const clients_fixture&) = delete;
  clients_fixture(clients_fixture&&) = delete;
  clients_fixture& operator=(clients_fixture&&) = delete;
  ~clients_fixture() {
    clients.clear();
    node.settle();
  }

  void start_sup(unsigned reactor) {
    names.put("client_roster_" + std::to_string(reactor),
              keep(net::spawn_pinned<client_roster>(*node.core.reactors[reactor],
                                                    std::ref(node.client))));
    node.settle();
  }
  void connect(unsigned reactor, const std::string& peer) {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
    clients.emplace_back(fds[1]);
    net::spawn_pinned<client_conn>(*node.core.reactors[reactor], std::ref(node.client), port,
                                   accepted_client{.fd = net::unique_fd{fds[0]},
                                                   .peer = *parse_endpoint(peer),
                                                   .taken = ticket{port->connections}});
    node.settle();
  }
  /// The latest client says what it wants.
  void send_header(dc_id dc_wanted) {
    const auto header =
        make_obfuscated2(net::random_array<64>(), port->version.get()->settings.secret,
                         framing::padded, dc_wanted)
            .header;
    REQUIRE(::send(clients.back().get(), header.data(), header.size(), MSG_NOSIGNAL) > 0);
    node.settle();
  }
};

TEST_CASE_FIXTURE(clients_fixture,
                  "inspector: clients of all reactors, counted and the oldest listed") {
  start_sup(0);
  start_sup(1);
  connect(1, "198.51.100.1:1001");
  node.advance(10s);
  connect(0, "198.51.100.2:1002");
  send_header(-4);
  node.advance(5s);
  connect(1, "198.51.100.3:1003");
  send_header(-4);
  const auto report = ask<clients_report>(inspect_clients{.limit = 2});
  REQUIRE(report);
  CHECK(report->trouble.empty());
  const auto& seen = report->clients;
  CHECK(seen.total == 3);
  CHECK(seen.ungrouped == 0);
  const client_group shaking{.listener = "test", .stage = "handshake"};
  const client_group waiting{
      .listener = "test", .protocol = "mtp_secure", .dc = dc_id{-4}, .stage = "opening"};
  CHECK(seen.groups == std::map<client_group, std::size_t>{{shaking, 1}, {waiting, 2}});
  REQUIRE(seen.clients.size() == 2);
  CHECK(seen.clients[0].group == shaking);
  CHECK(seen.clients[0].peer == *parse_endpoint("198.51.100.1:1001"));
  CHECK(seen.clients[0].age == 15s);
  CHECK(seen.clients[0].idle == 15s);
  CHECK(seen.clients[1].group == waiting);
  CHECK(seen.clients[1].peer == *parse_endpoint("198.51.100.2:1002"));
  CHECK(seen.clients[1].age == 5s);
}

TEST_CASE_FIXTURE(clients_fixture,
                  "inspector: a reactor that hangs is named, the other one's clients shown") {
  start_sup(0);
  names.put("client_roster_1", mute());
  connect(0, "198.51.100.2:1002");
  CHECK_FALSE(ask<clients_report>(inspect_clients{.limit = 5}));
  const auto report = ask<clients_report>(inspect_clients{.limit = 5}, 1s);
  REQUIRE(report);
  CHECK(report->trouble == std::vector<std::string>{"reactor 1: no answer in 1 s"});
  CHECK(report->clients.total == 1);
  CHECK(report->clients.clients.size() == 1);
}

TEST_CASE("inspector: clients that ask for ever other DCs do not make ever more groups") {
  client_overview all;
  for (int dc = 0; dc < 300; ++dc)
    for (int i = 0; i < 2; ++i)
      count_clients(all, {.listener = "test", .dc = static_cast<dc_id>(dc)}, 2);
  CHECK(all.groups.size() == max_client_groups);
  CHECK(all.groups.begin()->second == 4);
  CHECK(all.ungrouped == 4 * (300 - max_client_groups));
}

TEST_CASE_FIXTURE(fixture, "inspector: counts come without asking other actors") {
  node.core.metrics.get_counter("c", "help").add(3);
  node.core.metrics.set_gauge("g", "help", []() -> metrics::gauge_values {
    FAIL("a gauge was computed");
    return {};
  });
  const auto report = ask<counts_report>(inspect_counts{});
  REQUIRE(report);
  const auto find = [&](std::string_view name) {
    return std::ranges::find(report->families, name, &metrics::family::name);
  };
  const auto end = report->families.end();
  REQUIRE(find("c") != end);
  CHECK(find("c")->samples.at(0).value == 3);
  CHECK(find("g") == end);
  // No port is served here, so there are no connections to count.
  CHECK(find("mtproto_proxy_connections_count") == end);
  CHECK(find("mtproto_proxy_fronted_connections") != end);
  CHECK(find("mtproto_proxy_memory_bytes") != end);
  CHECK(find("mtproto_proxy_replay_file_bytes") != end);
}

TEST_CASE_FIXTURE(fixture, "inspector: connections of each port, also of one that is gone") {
  const auto make_port = [this](const char* name, std::size_t connections) {
    auto port = std::make_shared<open_port>(config::port_settings{.name = name},
                                            client_metrics{node.core.metrics, name});
    port->connections += connections;
    return port;
  };
  const auto served_now = make_port("web", 2);
  auto left = make_port("web", 3);
  const auto other = make_port("old", 1);
  node.client.ports.set(std::make_shared<const std::vector<served_port>>(
      std::vector{served_port{.port = served_now, .sockets = nullptr}}));
  const std::vector<std::weak_ptr<open_port>> gone{left, other, make_port("forgotten", 1)};
  node.client.left_ports.set(std::make_shared<const std::vector<std::weak_ptr<open_port>>>(gone));
  auto report = ask<process_report>(inspect_process{});
  REQUIRE(report);
  const auto values = [](double web) {
    return metrics::gauge_values{{{{"listener", "old"}}, 1}, {{{"listener", "web"}}, web}};
  };
  CHECK(report->connections == values(5));
  CHECK_FALSE(report->memory.empty());
  left.reset();
  report = ask<process_report>(inspect_process{});
  REQUIRE(report);
  CHECK(report->connections == values(2));
  // The console's list has the same values.
  const auto counts = ask<counts_report>(inspect_counts{});
  REQUIRE(counts);
  const auto found = std::ranges::find(counts->families, "mtproto_proxy_connections_count",
                                       &metrics::family::name);
  REQUIRE(found != counts->families.end());
  REQUIRE(found->samples.size() == 2);
  CHECK(found->samples[1].value == 2);
}

}  // namespace
}  // namespace mtp::actors
