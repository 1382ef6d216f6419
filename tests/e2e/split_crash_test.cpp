// A node that is gone from one moment to the next.
#include <csignal>

#include "tests/e2e/load_client.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

#ifdef NDEBUG
constexpr std::size_t crowd = 60;
#else
constexpr std::size_t crowd = 20;
#endif

load_client::target target_of(const test_front& front) {
  return {.port = front.port(), .secret = front.secret()};
}

TEST_CASE("split: the back is killed under load, and comes back") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& back = nodes.add_back();
  auto& front = nodes.add_front();
  nodes.start_all();
  const auto to = target_of(front);

  tally idle_seen;
  auto idle = idle_clients(to, 1, crowd, idle_seen);
  REQUIRE(idle_seen.echoes == crowd);
  tally seen;
  busy_clients busy{to, 1000, crowd, seen};
  constexpr std::size_t kills = 3;
  for (std::size_t round = 1; round <= kills; ++round) {
    CAPTURE(round);
    // Those that certainly wait for something when it happens.
    tally in_flight_seen;
    std::vector<load_client> in_flight;
    for (std::uint32_t i = 0; i < 10; ++i) {
      in_flight.emplace_back(to, static_cast<std::uint32_t>(5000 + 100 * round + i),
                             in_flight_seen);
      in_flight.back().ask_for_nothing();
    }
    REQUIRE(eventually([&] { return telegram.clients(2) >= 2 * crowd / 2 + 10; }, patience));
    const auto before = seen.echoes.load();
    REQUIRE(eventually([&] { return seen.echoes >= before + 5 * crowd; }, patience));
    back.kill();
    for (auto& client : in_flight)
      client.receive();
    CHECK(in_flight_seen.in_flight_closed == 10);
    CHECK(in_flight_seen.silent == 0);
    // Idle ones stay, without a back.
    for (auto& client : idle)
      CHECK_FALSE(client.is_closed());
    back.start();
    for (auto& client : idle)
      client.echo();
    CHECK(idle_seen.echoes == (round + 1) * crowd);
  }
  busy.stop();
  CHECK(idle_seen.idle_closed == 0);
  CHECK(idle_seen.in_flight_closed == 0);
  CHECK(idle_seen.wrong == 0);
  CHECK(seen.wrong == 0);
  CHECK(seen.silent == 0);
  CHECK(seen.refused == 0);
  CHECK(telegram.complaints().empty());
  // One line tells of each loss, and why.
  CHECK(front.count_in_output(nodes.back().address() + ": the connection is lost: ") == kills);
  CHECK(front.count_in_output(": connected (build") == kills + 1);
  MESSAGE(seen.echoes.load(), " echoes, ", seen.in_flight_closed.load(),
          " closed with a request in flight, ", seen.idle_closed.load(), " between requests");
  // No client is left over on any node.
  idle.clear();
  CHECK(front.wait_for_metric("connections_count{listener=\"test\"}", 0));
  CHECK(back.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 0));
  CHECK(front.wait_for_metric("memory_bytes{kind=\"held\"}", 0));
  CHECK(back.wait_for_metric("memory_bytes{kind=\"held\"}", 0));
}

TEST_CASE("split: a front is killed, its clients are closed at Telegram, others go on") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  back_options how;
  how.allowed = {"one", "other"};
  auto& back = nodes.add_back("back", how);
  auto& front = nodes.add_front("one");
  auto& other = nodes.add_front("other");
  nodes.start_all();

  tally other_seen;
  auto others = idle_clients(target_of(other), 1, crowd, other_seen);
  busy_clients busy{target_of(other), 1000, 10, other_seen};
  tally seen;
  auto clients = idle_clients(target_of(front), 5000, crowd, seen);
  for (std::size_t i = 0; i < crowd / 2; ++i)
    clients[i].ask_for_nothing();
  REQUIRE(seen.echoes == crowd);
  REQUIRE(eventually([&] { return telegram.clients(2) == 2 * crowd + 10; }, patience));
  const auto closed_before = telegram.closed_clients(2);
  front.kill();
  const auto begun = std::chrono::steady_clock::now();
  CHECK(eventually([&] { return telegram.closed_clients(2) == closed_before + crowd; }, 5s));
  MESSAGE("Telegram was told of ", crowd, " clients after ",
          std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                begun)
              .count(),
          " ms");
  CHECK(back.wait_for_metric("dc_num_upstreams{dc=\"2\"}", static_cast<double>(crowd + 10)));
  CHECK(back.wait_for_output("front one: its session ends: it is gone"));
  for (auto& client : others)
    client.echo();
  busy.stop();
  CHECK(other_seen.wrong == 0);
  CHECK(other_seen.silent == 0);
  CHECK(other_seen.in_flight_closed == 0);
  CHECK(other_seen.idle_closed == 0);
  // It comes again, as if nothing had been.
  front.start();
  REQUIRE(front.wait_until_connected());
  auto again = front.client();
  check_echo(again);
  CHECK(telegram.complaints().empty());
}

TEST_CASE("split: a front that is killed and comes back at once finds no old streams") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& back = nodes.add_back();
  auto& front = nodes.add_front();
  nodes.start_all();
  for (std::uint32_t round = 0; round < 5; ++round) {
    CAPTURE(round);
    tally seen;
    auto clients = idle_clients(target_of(front), 1 + 1000 * round, 20, seen);
    REQUIRE(seen.echoes == 20);
    front.kill();
    front.start();
    REQUIRE(front.wait_until_connected());
    CHECK(eventually([&] { return telegram.clients(2) == 0; }, 5s));
  }
  CHECK(telegram.closed_clients(2) == 100);
  CHECK(back.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 0));
  CHECK(back.program().running());
}

TEST_CASE("split: a back that is told to stop closes nobody who can wait for the next one") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& back = nodes.add_back();
  auto& front = nodes.add_front();
  nodes.start_all();
  tally seen;
  auto clients = idle_clients(target_of(front), 1, crowd, seen);
  back.program().signal(SIGTERM);
  CHECK(back.program().wait(6s) == 0);
  back.start();
  for (auto& client : clients)
    client.echo();
  CHECK(seen.echoes == 2 * crowd);
  CHECK(seen.idle_closed == 0);
  CHECK(seen.in_flight_closed == 0);
  CHECK(telegram.complaints().empty());
}

}  // namespace
}  // namespace mtp::test
