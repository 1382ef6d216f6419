// What happens to clients when Telegram closes their DC connections: the original's migration cases
// by their names, and rotation under load.
#include <algorithm>

#include "tests/e2e/load_client.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

std::string migrations(const std::string& result) {
  return R"(downstream_migration_total{listener="test",dc_id="2",result=")" + result + "\"}";
}

// -- the original's -----------------------------------------------------------------------------

TEST_CASE("downstream_migration_case") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "init_dc_connections = 2", .telegram = &telegram}};
  auto client = proxy.client(secure_protocol());
  check_echo(client);
  // Only the one that carries it.
  telegram.close_conn_of(2, telegram.requests().back().id);
  CHECK(proxy.wait_for_metric_of_at_least(migrations("ok"), 1));
  check_echo(client);
  CHECK(proxy.metric("dc_num_upstreams{dc=\"2\"}") == 1);
}

TEST_CASE("downstream_migration_multi_case") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "init_dc_connections = 2", .telegram = &telegram}};
  REQUIRE(eventually([&] { return telegram.conns(2) == 2; }, patience));
  std::vector<net::proxy_client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(proxy.client(secure_protocol()));
    check_echo(clients.back());
  }
  auto conns = telegram.clients_by_conn(2);
  const auto& fullest =
      *std::ranges::max_element(conns, {}, [](const auto& on) { return on.size(); });
  REQUIRE_FALSE(fullest.empty());
  telegram.close_conn_of(2, *fullest.begin());
  CHECK(proxy.wait_for_metric(migrations("ok"), static_cast<double>(fullest.size())));
  for (auto& client : clients)
    check_echo(client);
  CHECK(proxy.metric(migrations("ok")) == static_cast<double>(fullest.size()));
  CHECK(proxy.metric("dc_num_upstreams{dc=\"2\"}") == 3);
}

TEST_CASE("downstream_migration_empty_pool_case") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "init_dc_connections = 0", .telegram = &telegram}};
  CHECK(telegram.conns_accepted(2) == 0);
  auto client = proxy.client(secure_protocol());
  check_echo(client);
  CHECK(telegram.conns_accepted(2) == 1);
  telegram.close_conns(2);
  // No other one is opened for it.
  check_closed(client);
  CHECK(proxy.wait_for_metric(migrations("no_link"), 1));
  CHECK(telegram.conns_accepted(2) == 1);
  auto another = proxy.client(secure_protocol());
  check_echo(another);
  CHECK(telegram.conns_accepted(2) == 2);
}

TEST_CASE("an idle client of any protocol survives every rotation") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  std::vector<net::proxy_client> clients;
  for (const auto& protocol : all_protocols()) {
    clients.push_back(proxy.client(protocol));
    check_echo(clients.back());
  }
  for (int round = 1; round <= 3; ++round) {
    REQUIRE(eventually([&] { return telegram.conns(2) == 2; }, patience));
    // A client may land on the other one of the two just before that is closed, and move twice.
    const auto before = proxy.metric(migrations("ok"));
    telegram.close_conns(2);
    CHECK(proxy.wait_for_metric_of_at_least(migrations("ok"), before + 4));
    for (auto& client : clients)
      check_echo(client);
    CHECK(proxy.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 4));
  }
}

TEST_CASE("a client with a request in flight is closed when its DC connection ends") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto client = proxy.client(secure_protocol());
  check_echo(client);
  REQUIRE(client.send(encode({.action = fake_command::code::swallow}), false, soon()));
  REQUIRE(eventually([&] { return telegram.requests().size() == 2; }, patience));
  telegram.close_conns(2);
  check_closed(client);
  CHECK(proxy.wait_for_metric(
      "downstream_migration_total{listener=\"test\",dc_id=\"2\",result=\"mid_send\"}", 1));
  CHECK(proxy.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 0));
}

// -- rotation under load ------------------------------------------------------------------------

TEST_CASE("rotation under load: no idle client is dropped, nobody gets another one's bytes") {
  constexpr std::uint32_t how_many = 100;
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  REQUIRE(eventually([&] { return telegram.conns(2) == 2; }, patience));

  const load_client::target to{.port = proxy.port(), .secret = proxy.secret()};
  tally idle_seen;
  auto idle = idle_clients(to, 0, how_many, idle_seen);
  REQUIRE(idle_seen.echoes == how_many);

  tally seen;
  busy_clients busy{to, how_many, how_many, seen};
  std::size_t rotated = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 1; i <= 33; ++i) {
    std::this_thread::sleep_until(begun + i * 300ms);
    rotated += telegram.close_conns(2, 1);
  }
  busy.stop();

  for (auto& client : idle) {
    CHECK_FALSE(client.is_closed());
    client.echo();
  }
  CHECK(idle_seen.echoes == 2 * how_many);
  CHECK(idle_seen.wrong == 0);
  CHECK(rotated >= 25);
  CHECK(seen.echoes > 1000);
  CHECK(seen.wrong == 0);
  CHECK(seen.idle_closed == 0);
  CHECK(seen.silent == 0);
  CHECK(seen.refused == 0);
  // Closed clients are those that had something in flight, and are counted.
  CHECK(proxy.metric(migrations("mid_send")) == static_cast<double>(seen.in_flight_closed));
  CHECK(proxy.metric(migrations("no_link")) == 0);
  CHECK(telegram.complaints().empty());
  MESSAGE(rotated << " connections closed under " << 2 * how_many << " clients, "
                  << seen.echoes.load() << " echoes: " << proxy.metric(migrations("ok"))
                  << " migrations, " << seen.in_flight_closed.load()
                  << " closed with a request in flight");
  idle.clear();
  CHECK(proxy.wait_for_metric("connections_count{listener=\"test\"}", 0));
  CHECK(proxy.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 0));
  CHECK(proxy.metric("dc_num_waiting{dc=\"2\"}") == 0);
}

}  // namespace
}  // namespace mtp::test
