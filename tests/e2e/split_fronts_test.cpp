// Many fronts at one back.
#include <numeric>

#include "net/loop/socket_options.hpp"
#include "tests/e2e/load_client.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

using clock = std::chrono::steady_clock;

constexpr std::size_t many_fronts = 5;
#ifdef NDEBUG
constexpr std::size_t clients_each = 2000;
#else
constexpr std::size_t clients_each = 150;
#endif

std::int64_t ms_since(clock::time_point begun) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begun).count();
}

TEST_CASE("split: five fronts with thousands of clients at one back") {
  net::raise_open_files_limit();
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  back_options how;
  how.allowed.clear();
  for (std::size_t i = 0; i < many_fronts; ++i)
    how.allowed.push_back("front" + std::to_string(i));
  auto& back = nodes.add_back("back", how);
  for (const auto& name : how.allowed)
    nodes.add_front(name);
  nodes.start_all();
  const auto back_memory = resident_memory(back.program().pid());
  const auto front_memory = resident_memory(nodes.front().program().pid());

  std::array<tally, many_fronts> seen;
  std::array<std::vector<load_client>, many_fronts> clients;
  const auto on_all_fronts = [&](const std::function<void(std::size_t)>& act) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < many_fronts; ++i)
      threads.emplace_back([&act, i] { act(i); });
  };
  const auto total = [&](auto member) {
    return std::accumulate(
        seen.begin(), seen.end(), std::size_t{0},
        [&](std::size_t sum, const tally& counted) { return sum + (counted.*member); });
  };
  const auto begun = clock::now();
  on_all_fronts([&](std::size_t i) {
    const auto& front = nodes.front(i);
    clients[i] = idle_clients({.port = front.port(), .secret = front.secret()},
                              static_cast<std::uint32_t>(1 + 100'000 * i), clients_each, seen[i]);
  });
  const auto connected = ms_since(begun);
  REQUIRE(total(&tally::echoes) == many_fronts * clients_each);
  CHECK(back.metric("dc_num_upstreams{dc=\"2\"}") == many_fronts * clients_each);
  const auto back_each = (resident_memory(back.program().pid()) - back_memory) /
                         static_cast<double>(many_fronts * clients_each);
  const auto front_each = (resident_memory(nodes.front().program().pid()) - front_memory) /
                          static_cast<double>(clients_each);

  // All of a front's clients ask at once, then all read.
  const auto again = clock::now();
  on_all_fronts([&](std::size_t i) {
    for (auto& client : clients[i])
      client.send();
    for (auto& client : clients[i])
      client.receive(60s);
  });
  MESSAGE((many_fronts * clients_each), " clients of ", many_fronts, " fronts: connected in ",
          connected, " ms, an echo each in ", ms_since(again),
          " ms; memory per client: ", back_each, " bytes on the back, ", front_each, " on a front");
  CHECK(total(&tally::echoes) == 2 * many_fronts * clients_each);
  CHECK(total(&tally::wrong) == 0);
  CHECK(total(&tally::silent) == 0);
  CHECK(total(&tally::idle_closed) == 0);
  CHECK(total(&tally::in_flight_closed) == 0);
  CHECK(total(&tally::refused) == 0);

  // One of them is gone: the others keep theirs.
  nodes.front(0).kill();
  const auto killed = clock::now();
  CHECK(eventually([&] { return telegram.closed_clients(2) == clients_each; }, 10s));
  MESSAGE("a killed front's ", clients_each, " clients were closed at Telegram after ",
          ms_since(killed), " ms");
  CHECK(back.wait_for_metric("dc_num_upstreams{dc=\"2\"}",
                             static_cast<double>((many_fronts - 1) * clients_each)));
  on_all_fronts([&](std::size_t i) {
    if (i == 0) return;
    for (std::size_t at = 0; at < clients[i].size(); at += 10)
      clients[i][at].echo();
  });
  CHECK(total(&tally::in_flight_closed) == 0);
  CHECK(total(&tally::idle_closed) == 0);
  CHECK(total(&tally::wrong) == 0);

  // The back is gone: all of them move to the next one, at once.
  back.kill();
  for (std::size_t i = 1; i < many_fronts; ++i)
    REQUIRE(nodes.front(i).wait_for_output("the connection is lost"));
  back.start();
  const auto back_again = clock::now();
  on_all_fronts([&](std::size_t i) {
    if (i == 0) return;
    for (auto& client : clients[i])
      client.echo(30s);
  });
  MESSAGE(((many_fronts - 1) * clients_each), " clients had an echo from the new back after ",
          ms_since(back_again), " ms");
  CHECK(total(&tally::in_flight_closed) == 0);
  CHECK(total(&tally::idle_closed) == 0);
  CHECK(total(&tally::silent) == 0);
  CHECK(total(&tally::wrong) == 0);
  CHECK(telegram.complaints().empty());
}

}  // namespace
}  // namespace mtp::test
