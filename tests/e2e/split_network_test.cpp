// What the network between front and back can do: blackholes, one way and both, healed before and
// after it was noticed. Networks are the test's own, which needs root.
#include <random>

#include "tests/e2e/link_network.hpp"
#include "tests/e2e/load_client.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

/// As short as it may be; the default is 15 s.
constexpr std::chrono::seconds timeout{3};
/// Heartbeats go once a second, and a dial or two may be under way.
constexpr std::chrono::seconds noticed_within = timeout + 4s;
constexpr std::size_t crowd = 20;

/// A front and a back with a network between them, and clients.
class apart {
 public:
  explicit apart(const std::string& front_config = {}) {
    {
      const network_visit there{&net.back()};
      telegram = std::make_unique<fake_telegram>(fake_telegram_options{.dcs = {2}});
    }
    nodes.emplace(*telegram);
    const auto limit = "timeout_sec = " + std::to_string(timeout.count());
    back_options at_back;
    at_back.link = limit;
    at_back.network = &net.back();
    at_back.ip = link_network::back_ip;
    nodes->add_back("back", at_back);
    front_options at_front;
    at_front.link = limit;
    at_front.config = front_config;
    at_front.network = &net.front();
    nodes->add_front("front", at_front);
    nodes->start_all();
    to = {.port = front().port(), .secret = front().secret(), .network = &net.front()};
    idle = idle_clients(to, 1, crowd, idle_seen);
    REQUIRE(idle_seen.echoes == crowd);
  }
  [[nodiscard]] test_front& front() { return nodes->front(); }
  [[nodiscard]] test_back& back() { return nodes->back(); }
  [[nodiscard]] std::size_t losses() { return front().count_in_output("connection is lost"); }

  /// Idle clients are still there, and served.
  void check_idle(std::size_t echoes) {
    for (auto& client : idle)
      client.echo(20s);
    CHECK(idle_seen.echoes == echoes);
    CHECK(idle_seen.idle_closed == 0);
    CHECK(idle_seen.in_flight_closed == 0);
    CHECK(idle_seen.silent == 0);
    CHECK(idle_seen.wrong == 0);
    CHECK(telegram->complaints().empty());
  }
  void check_nobody_left() {
    idle.clear();
    CHECK(front().wait_for_metric("connections_count{listener=\"test\"}", 0));
    CHECK(back().wait_for_metric("dc_num_upstreams{dc=\"2\"}", 0));
    CHECK(back().wait_for_metric("memory_bytes{kind=\"held\"}", 0));
    CHECK(eventually([&] { return telegram->clients(2) == 0; }, patience));
  }

  link_network net;
  std::unique_ptr<fake_telegram> telegram;
  std::optional<split_nodes> nodes;
  load_client::target to;
  tally idle_seen;
  std::vector<load_client> idle;
};

TEST_CASE("split: a blackhole that ends before it is noticed costs nobody anything" *
          doctest::test_suite("long")) {
  if (link_network::left_out()) return;
  apart world;
  // A client that sends in the meantime has the answer when the network is back.
  std::vector<load_client> waiting;
  tally seen;
  for (std::uint32_t i = 0; i < 5; ++i)
    waiting.emplace_back(world.to, 1000 + i, seen);
  for (auto& client : waiting)
    client.echo();
  SUBCASE("both ways") {
    world.net.cut();
  }
  SUBCASE("to the front") {
    world.net.deafen_front();
  }
  SUBCASE("to the back") {
    world.net.deafen_back();
  }
  for (auto& client : waiting)
    client.send();
  const auto until = std::chrono::steady_clock::now() + 1s;
  static_cast<void>(eventually([&] { return std::chrono::steady_clock::now() > until; }, 2s));
  world.net.heal();
  for (auto& client : waiting)
    client.receive(20s);
  CHECK(seen.echoes == 10);
  world.check_idle(2 * crowd);
  CHECK(world.losses() == 0);
  CHECK(world.front().count_in_output(": connected (build") == 1);
}

TEST_CASE("split: a blackhole is noticed by both ends; idle clients survive it") {
  if (link_network::left_out()) return;
  apart world;
  tally seen;
  std::vector<load_client> waiting;
  for (std::uint32_t i = 0; i < 5; ++i) {
    waiting.emplace_back(world.to, 1000 + i, seen);
    waiting.back().echo();
  }
  const auto begun = std::chrono::steady_clock::now();
  const auto since = [&] {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() -
                                                                 begun)
        .count();
  };
  SUBCASE("both ways") {
    world.net.cut();
  }
  SUBCASE("to the front") {
    world.net.deafen_front();
  }
  SUBCASE("to the back") {
    world.net.deafen_back();
  }
  for (auto& client : waiting)
    client.send();
  CHECK(eventually([&] { return world.losses() == 1; }, noticed_within));
  const auto front_noticed = since();
  CHECK(world.back().wait_for_output("front front: its session ends: it is gone", noticed_within));
  MESSAGE("the front noticed after ", front_noticed, " ms, the back after ", since(),
          " ms at most");
  // Telegram knows that no client is there.
  CHECK(eventually([&] { return world.telegram->clients(2) == 0; }, 5s));
  // Those that had sent something do not wait for ever.
  for (auto& client : waiting)
    client.receive();
  CHECK(seen.in_flight_closed == 5);
  CHECK(seen.silent == 0);
  for (auto& client : world.idle)
    CHECK_FALSE(client.is_closed());
  world.net.heal();
  INFO(world.front().output());
  CHECK(world.front().count_in_output("it has stopped, or restarts") == 0);
  REQUIRE(world.front().wait_until_connected(2, 15s));
  world.check_idle(2 * crowd);
  world.check_nobody_left();
}

TEST_CASE("split: a blackhole that does not end: clients are closed after their grace" *
          doctest::test_suite("long")) {
  if (link_network::left_out()) return;
  // From when it was noticed; 10 s by default.
  apart world{"dc_wait_timeout_sec = 3"};
  world.net.cut();
  const auto limit = noticed_within + 3s + 3s;
  CHECK(eventually(
      [&] {
        return std::ranges::all_of(world.idle, [](auto& client) { return client.is_closed(); });
      },
      limit));
  CHECK(world.front().wait_for_metric("connections_count{listener=\"test\"}", 0));
  CHECK(world.idle_seen.wrong == 0);
  world.net.heal();
  REQUIRE(world.front().wait_until_connected(2, 15s));
  tally seen;
  const auto fresh = idle_clients(world.to, 1000, 5, seen);
  CHECK(seen.echoes == 5);
}

TEST_CASE("split: a network that comes and goes, also while the front dials" *
          doctest::test_suite("long")) {
  if (link_network::left_out()) return;
  apart world;
  tally seen;
  // Little gets through for half a minute, but enough now and then for a session to go on.
  busy_clients busy{world.to, 1000, 10, seen, 45s};
  std::minstd_rand random{20261125};
  const auto wait = [](std::chrono::milliseconds span) {
    const auto until = std::chrono::steady_clock::now() + span;
    static_cast<void>(
        eventually([&] { return std::chrono::steady_clock::now() > until; }, span + 1s));
  };
  // About as long as it takes to be noticed, and a dial to begin; then up again for as long as a
  // dial takes, or half of it.
  for (int round = 0; round < 6; ++round) {
    switch (random() % 3) {
      case 0:
        world.net.cut();
        break;
      case 1:
        world.net.deafen_front();
        break;
      default:
        world.net.deafen_back();
    }
    wait(timeout + std::chrono::milliseconds{random() % 2000});
    world.net.heal();
    wait(100ms + std::chrono::milliseconds{random() % 700});
  }
  INFO(world.front().output());
  // What is up now is the one session that counts.
  CHECK(eventually(
      [&] {
        tally last;
        load_client late{world.to, 9000, last};
        late.echo(3s);
        return last.echoes == 1;
      },
      20s));
  busy.stop();
  CHECK(seen.wrong == 0);
  CHECK(seen.silent == 0);
  CHECK(world.idle_seen.wrong == 0);
  MESSAGE(world.losses(), " sessions lost; ", seen.echoes.load(), " echoes, ",
          seen.in_flight_closed.load(), " closed in flight, ", seen.idle_closed.load(),
          " between requests");
  world.check_nobody_left();
}

}  // namespace
}  // namespace mtp::test
