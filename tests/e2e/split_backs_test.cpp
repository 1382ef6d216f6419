// A front with two backs.
#include "tests/e2e/load_client.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t crowd = 40;

double clients_of(const test_back& back) {
  return back.metric("dc_num_upstreams{dc=\"2\"}");
}

/// Until all its clients are at the other one: what they send before that is lost, and they are
/// closed.
void kill(test_back& back, const test_back& other, std::size_t clients) {
  back.kill();
  REQUIRE(other.wait_for_metric("dc_num_upstreams{dc=\"2\"}", static_cast<double>(clients)));
}

TEST_CASE("split: failover: the second back takes the first one's clients, connections and all") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& first = nodes.add_back("first");
  auto& second = nodes.add_back("second");
  auto& front = nodes.add_front();
  nodes.start_all();
  const load_client::target to{.port = front.port(), .secret = front.secret()};
  tally seen;
  auto clients = idle_clients(to, 1, crowd, seen);
  REQUIRE(seen.echoes == crowd);
  CHECK(clients_of(first) == crowd);
  CHECK(clients_of(second) == 0);

  tally busy_seen;
  busy_clients busy{to, 1000, 20, busy_seen};
  REQUIRE(eventually([&] { return busy_seen.echoes > 100; }, patience));
  kill(first, second, crowd + 20);
  for (auto& client : clients)
    client.echo();
  CHECK(seen.echoes == 2 * crowd);
  busy.stop();
  CHECK(busy_seen.wrong == 0);
  CHECK(busy_seen.silent == 0);
  CHECK(busy_seen.refused == 0);

  // The first one is preferred again by those that come, and no client is moved for it.
  first.start();
  REQUIRE(front.wait_until_connected(3));
  auto fresh = idle_clients(to, 5000, 10, seen);
  CHECK(clients_of(first) == 10);
  kill(second, first, crowd + 10);
  for (auto& client : clients)
    client.echo();
  CHECK(seen.echoes == 3 * crowd + 10);
  CHECK(clients_of(first) == crowd + 10);
  CHECK(seen.idle_closed == 0);
  CHECK(seen.in_flight_closed == 0);
  CHECK(seen.wrong == 0);
  CHECK(telegram.complaints().empty());
}

TEST_CASE("split: balance: each back has its share, and all when it is alone") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& first = nodes.add_back("first");
  auto& second = nodes.add_back("second");
  auto& front = nodes.add_front("front", {{.config = "back_nodes_policy = \"balance\""}});
  nodes.start_all();
  tally seen;
  auto clients = idle_clients({.port = front.port(), .secret = front.secret()}, 1, crowd, seen);
  REQUIRE(seen.echoes == crowd);
  // Each reactor of the front counts for itself.
  for (const auto* const back : {&first, &second}) {
    CHECK(clients_of(*back) >= crowd / 2 - 8);
    CHECK(clients_of(*back) <= crowd / 2 + 8);
  }
  kill(second, first, crowd);
  for (auto& client : clients)
    client.echo();
  CHECK(seen.echoes == 2 * crowd);
  CHECK(clients_of(first) == crowd);
  CHECK(seen.idle_closed == 0);
  CHECK(seen.wrong == 0);
  CHECK(telegram.complaints().empty());
}

}  // namespace
}  // namespace mtp::test
