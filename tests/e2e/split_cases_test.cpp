// Front and back as two processes: the original's split_dc_SUITE by the names of its cases, and who
// Telegram takes the clients for.
#include "net/loop/socket_address.hpp"
#include "tests/e2e/split_nodes.hpp"

namespace mtp::test {
namespace {

TEST_CASE("echo_split_case") {
  const fake_telegram telegram{{.dcs = {1}}};
  split_nodes nodes{telegram};
  nodes.add_back();
  auto& front = nodes.add_front();
  nodes.start_all();
  {
    auto client = front.client(secure_protocol(), 1);
    check_echo(client);
    CHECK(front.metric("protocol_ok_total{listener=\"test\",protocol=\"mtp_secure\"}") == 1);
    // The node with the clients counts them.
    CHECK(sum_of(nodes.back().metrics(), "protocol_ok_total") == 0);
  }
  CHECK(front.wait_for_metric("in_connection_closed_total{listener=\"test\"}", 1));
  CHECK(eventually([&] { return telegram.closed_clients(1) == 1; }, patience));
  CHECK(telegram.complaints().empty());
}

TEST_CASE("migration_split_case") {
  fake_telegram telegram{{.dcs = {1}}};
  split_nodes nodes{telegram};
  nodes.add_back("back", {{.config = "init_dc_connections = 2"}});
  auto& front = nodes.add_front();
  nodes.start_all();
  REQUIRE(eventually([&] { return telegram.conns(1) == 2; }, patience));
  auto client = front.client(secure_protocol(), 1);
  check_echo(client);
  telegram.close_conn_of(1, telegram.requests().back().id);
  CHECK(front.wait_for_metric(
      "downstream_migration_total{listener=\"test\",dc_id=\"1\",result=\"ok\"}", 1));
  check_echo(client);
  CHECK(nodes.back().metric("dc_num_upstreams{dc=\"1\"}") == 1);
}

TEST_CASE("split: Telegram is told the client's address, and the tag of the front's port") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  nodes.add_back();
  auto& front = nodes.add_front("front", {{}, {}, "tag = \"dcbe8f1493fa4cd9ab300891c0b5b326\""});
  nodes.start_all();
  auto client = front.client(all_protocols()[3]);
  const auto here = net::local_endpoint(client.socket().fd());
  check_echo(client, 1'000'000);
  const auto seen = telegram.requests().back();
  CHECK(seen.client == here);
  CHECK(seen.tag.has_value());
}

TEST_CASE("split: numbers of reactors that differ") {
  const fake_telegram telegram{{.dcs = {2}}};
  for (const auto& [at_front, at_back] : {std::pair{1, 3}, std::pair{4, 1}}) {
    CAPTURE(at_front);
    CAPTURE(at_back);
    const auto reactors = [](int count) { return "reactors = " + std::to_string(count); };
    split_nodes nodes{telegram};
    nodes.add_back("back", {{.config = reactors(at_back)}});
    auto& front = nodes.add_front("front", {{.config = reactors(at_front)}});
    nodes.start_all();
    CHECK(front.count_in_output("with " + std::to_string(at_front) + " reactors") == 1);
    std::vector<net::proxy_client> clients;
    for (int i = 0; i < 24; ++i) {
      clients.push_back(front.client(all_protocols()[static_cast<std::size_t>(i) % 4]));
      check_echo(clients.back(), 4000);
    }
    for (auto& client : clients)
      check_echo(client, 100'000);
    CHECK(telegram.clients(2) == 24);
    clients.clear();
    CHECK(eventually([&] { return telegram.clients(2) == 0; }, patience));
  }
  CHECK(telegram.complaints().empty());
}

}  // namespace
}  // namespace mtp::test
