// Each option about Telegram that a reload changes is followed by a proxy that runs, as the
// stand-in for Telegram sees it. Options that are not here: see reload_coverage_test.cpp.
#include "net/loop/entropy.hpp"
#include "tests/e2e/changing_proxy.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

bool has_conns(const fake_telegram& telegram, std::size_t count) {
  return eventually([&] { return telegram.conns(2) == count; }, patience);
}

// -- the configuration ----------------------------------------------------------------------------

TEST_CASE("reload effects: conf_refresh_interval") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  auto client = proxy->client(secure_protocol());
  check_echo(client);
  proxy.change("conf_refresh_interval", "1");
  const auto before = telegram.config_requests();
  // A fetch has three requests. The reload itself causes one fetch.
  CHECK(eventually([&] { return telegram.config_requests() >= before + 9; }, patience));
  check_echo(client);
}

TEST_CASE("reload effects: core_api_http_timeout_ms") {
  fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  auto client = proxy->client(secure_protocol());
  check_echo(client);
  telegram.set_config_answer(config_answer::none);
  proxy.change("core_api_http_timeout_ms", "100");
  CHECK(proxy->telegram_side().wait_for_output("Telegram's configuration can't be fetched"));
  check_echo(client);
}

TEST_CASE("reload effects: ip_lookup_services") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  const auto service = telegram.url("/ip");
  proxy.change("ip_lookup_services", "[\"" + service + "\"]");
  // It says 127.0.0.1.
  CHECK(proxy->telegram_side().wait_for_output("no ip_lookup_services answered (last: " + service));
}

bytes secret_of_two() {
  const auto random = net::random_array<128>();
  return {random.begin(), random.end()};
}

/// Middle proxies of a DC on 127.0.0.1 and on ::1.
struct two_families {
  fake_telegram v6{{.dcs = {2}, .ipv6 = true, .secret = secret_of_two()}};
  fake_telegram v4{{.dcs = {2}, .others = {{2, v6.middle_proxy(2)}}, .secret = v6.secret()}};
};

TEST_CASE("reload effects: prefer_ipv6") {
  const two_families telegram;
  changing_proxy proxy{{.telegram = &telegram.v4}};
  REQUIRE(has_conns(telegram.v4, 2));
  proxy.change({{"prefer_ipv6", "true"}, {"init_dc_connections", "4"}});
  CHECK(has_conns(telegram.v6, 2));
}

TEST_CASE("reload effects: proxy_config_v6_url") {
  const fake_telegram v6{{.dcs = {2}, .ipv6 = true}};
  const fake_telegram v4{{.dcs = {2}, .secret = v6.secret()}};
  changing_proxy proxy{{.config = "prefer_ipv6 = true\n", .telegram = &v4}};
  REQUIRE(has_conns(v4, 2));
  proxy.change("proxy_config_v6_url", '"' + v6.config_v6_url() + '"');
  CHECK(eventually([&] { return v6.config_requests() >= 1; }, patience));
  // The list comes after the reload: until then new connections are as before.
  std::size_t wanted = 2;
  CHECK(eventually(
      [&] {
        proxy.change("init_dc_connections", std::to_string(++wanted));
        return v6.conns(2) > 0;
      },
      patience));
}

// -- addresses ------------------------------------------------------------------------------------

TEST_CASE("reload effects: bind_address") {
  fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  auto client = proxy->client(secure_protocol());
  check_echo(client);
  const auto is_seen_as = [&](const char* ip) {
    check_echo(client);
    return telegram.requests().back().proxy.ip == *ip_address::parse(ip);
  };
  proxy.change("bind_address", "\"127.0.0.2\"");
  CHECK(is_seen_as("127.0.0.1"));
  telegram.close_conns(2);
  CHECK(has_conns(telegram, 2));
  // What it asks for on a connection that is being closed is lost, and it is closed as well.
  CHECK(proxy->wait_for_metric_of_at_least(
      R"(downstream_migration_total{listener="test",dc_id="2",result="ok"})", 1));
  CHECK(is_seen_as("127.0.0.2"));
  CHECK(telegram.complaints().empty());
}

TEST_CASE("reload effects: bind_address_v6") {
  fake_telegram telegram{{.dcs = {2}, .ipv6 = true}};
  changing_proxy proxy{{.telegram = &telegram, .only_v6_list = true}};
  auto client = proxy->client(secure_protocol());
  check_echo(client);
  // Loopback has only one address: here is one that this machine does not have.
  const std::string error = R"(out_connect_error_total{dc_id="2",reason="eaddrnotavail"})";
  proxy.change("bind_address_v6", "\"2001:db8::9\"");
  check_echo(client);
  CHECK(proxy->metric(error) == 0);
  telegram.close_conns(2);
  CHECK(proxy->wait_for_metric_of_at_least(error, 1));
  proxy.change("bind_address_v6", "\"::1\"");
  auto later = proxy->client(secure_protocol());
  check_echo(later);
}

// -- connections ----------------------------------------------------------------------------------

TEST_CASE("reload effects: init_dc_connections, dc_idle_timeout_sec") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  REQUIRE(has_conns(telegram, 2));
  proxy.change("init_dc_connections", "4");
  CHECK(has_conns(telegram, 4));
  proxy.change("init_dc_connections", "1");
  CHECK(telegram.conns(2) == 4);
  proxy.change("dc_idle_timeout_sec", "1");
  CHECK(has_conns(telegram, 1));
}

TEST_CASE("reload effects: clients_per_dc_connection") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.config = "init_dc_connections = 1\n", .telegram = &telegram}};
  std::vector<net::proxy_client> clients;
  const auto add_client = [&] {
    clients.push_back(proxy->client(secure_protocol()));
    check_echo(clients.back());
  };
  for (int i = 0; i < 4; ++i)
    add_client();
  CHECK(telegram.conns_accepted(2) == 1);
  proxy.change("clients_per_dc_connection", "2");
  add_client();
  CHECK(eventually([&] { return telegram.conns(2) >= 3; }, patience));
}

TEST_CASE("reload effects: mtp_full_check_crc32") {
  const fake_telegram telegram{{.dcs = {2}, .wrong_checksums = true}};
  changing_proxy proxy{{.config = "mtp_full_check_crc32 = true\n", .telegram = &telegram}};
  {
    auto client = proxy->client(secure_protocol());
    REQUIRE(client.send(random_packet(64), false, soon()));
    CHECK(proxy->telegram_side().wait_for_output("full_bad_crc"));
  }
  proxy.change("mtp_full_check_crc32", "false");
  // One that was being made meanwhile may be as it was.
  CHECK(eventually(
      [&] {
        auto client = proxy->client(secure_protocol());
        REQUIRE(client.send(random_packet(64), false, soon()));
        return client.receive(soon()).has_value();
      },
      patience));
}

TEST_CASE("reload effects: dc_wait_timeout_sec") {
  fake_telegram telegram{{.dcs = {2}}};
  telegram.set_dc_dead(2, true);
  changing_proxy proxy{{.config = "dc_wait_timeout_sec = 600\n", .telegram = &telegram}};
  auto client = proxy->client(secure_protocol());
  REQUIRE(client.send(random_packet(64), false, soon()));
  CHECK(proxy->wait_for_metric("dc_num_waiting{dc=\"2\"}", 1));
  proxy.change("dc_wait_timeout_sec", "1");
  check_closed(client);
  CHECK(proxy->wait_for_metric("no_dc_total{listener=\"test\",dc_id=\"2\",reason=\"no_link\"}", 1));
}

TEST_CASE("reload effects: dc_ping_interval_sec") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.config = "dc_ping_interval_sec = 3600\n", .telegram = &telegram}};
  REQUIRE(has_conns(telegram, 2));
  proxy.change("dc_ping_interval_sec", "1");
  CHECK(eventually([&] { return telegram.pings_received() >= 4; }, patience));
  CHECK(telegram.conns_accepted(2) == 2);
}

TEST_CASE("reload effects: dc_stall_timeout_sec") {
  fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.config = "dc_stall_timeout_sec = 600\n", .telegram = &telegram}};
  auto client = proxy->client(secure_protocol());
  check_echo(client);
  REQUIRE(has_conns(telegram, 2));
  telegram.set_dc_silent(2, true);
  const auto packet = random_packet(64);
  REQUIRE(client.send(packet, false, soon()));
  proxy.change("dc_stall_timeout_sec", "1");
  CHECK(proxy->wait_for_metric_of_at_least("dc_stalled_total{dc_id=\"2\"}", 1));
}

}  // namespace
}  // namespace mtp::test
