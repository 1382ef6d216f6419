// Each option about clients that a reload changes is followed by a proxy that runs, as others see
// it. Options that are not here: reload_coverage_test.cpp says where they are.
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>

#include "codecs/base/text.hpp"
#include "tests/e2e/changing_proxy.hpp"
#include "tests/e2e/handshake_start.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

// -- the door -------------------------------------------------------------------------------------

enum class ending : std::uint8_t { fin, rst, none };

ending ending_of(net::blocking_socket& socket) {
  bytes buffer(64);
  const auto got = socket.receive(buffer, soon());
  if (got) return *got == 0 ? ending::fin : ending::none;
  return got.error() == "Connection reset by peer" ? ending::rst : ending::none;
}

/// How the proxy ends the connection of a stranger.
ending ending_of_stranger(proxy_under_test& proxy) {
  auto socket = proxy.connect();
  auto garbage = random_packet(64);
  garbage[0] = 'x';  // 16 would start a TLS record
  REQUIRE(socket.send(garbage, soon()));
  return ending_of(socket);
}

TEST_CASE("reload effects: reset_close_socket, init_timeout_sec") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  auto client = proxy->client(secure_protocol());
  check_echo(client);
  CHECK(ending_of_stranger(*proxy) == ending::fin);
  proxy.change("reset_close_socket", "\"handshake_error\"");
  CHECK(ending_of_stranger(*proxy) == ending::rst);
  proxy.change("init_timeout_sec", "1");
  auto silent = proxy->connect();
  CHECK(ending_of(silent) == ending::rst);
  CHECK(proxy->wait_for_metric("inactive_timeout_total{listener=\"test\"}", 1));
  proxy.change("reset_close_socket", "\"off\"");
  CHECK(ending_of_stranger(*proxy) == ending::fin);
  auto later = proxy->connect();
  CHECK(ending_of(later) == ending::fin);
  check_echo(client);
}

TEST_CASE("reload effects: reset_close_socket, for connections that are there") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{
      {.config = "reset_close_socket = \"handshake_error\"", .telegram = &telegram}};
  auto client = proxy->client(secure_protocol());
  check_echo(client);
  // Each is accepted before the option changes, and leaves in its handshake.
  int connections = 1;
  const auto ending_after = [&](const char* value) {
    auto silent = proxy->connect();
    REQUIRE(proxy->wait_for_metric("in_connection_total{listener=\"test\"}", ++connections));
    proxy.change("reset_close_socket", value);
    REQUIRE(::shutdown(silent.fd(), SHUT_WR) == 0);
    return ending_of(silent);
  };
  CHECK(ending_after("\"off\"") == ending::fin);
  CHECK(ending_after("\"handshake_error\"") == ending::rst);
  CHECK(ending_after("\"always\"") == ending::rst);
  REQUIRE(client.send(encode({.action = fake_command::code::close_client}), false, soon()));
  const auto got = client.receive(soon());
  REQUIRE_FALSE(got);
  CHECK(got.error() == "Connection reset by peer");
}

TEST_CASE("reload effects: listen_ip of all ports") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  const auto is_served_at = [&](const char* ip) {
    return net::blocking_socket::connect(ip, proxy->port(), soon()).has_value();
  };
  auto& node = proxy->client_side();
  const std::string own = "\nlisten_ip = \"127.0.0.1\"\n";
  auto text = node.file();
  const auto at = text.find(own);
  REQUIRE(at != std::string::npos);
  std::ofstream{node.config_file()} << text.replace(at, own.size(), "\n");
  auto client = proxy->client(secure_protocol());
  proxy.change("listen_ip", "\"127.0.0.1\"");
  CHECK_FALSE(is_served_at("127.0.0.2"));
  proxy.change("listen_ip", "\"0.0.0.0\"");
  CHECK(is_served_at("127.0.0.2"));
  check_echo(client);
}

TEST_CASE("reload effects: replay_check_session_storage") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  const auto start = start_of(proxy->secret(), framing::padded);
  const auto replays = protocol_error("replay_session_detected");
  CHECK(lets_in(*proxy, start));
  CHECK_FALSE(lets_in(*proxy, start));
  CHECK(proxy->metric(replays) == 1);
  proxy.change("replay_check_session_storage", "\"off\"");
  CHECK(lets_in(*proxy, start));
  proxy.change("replay_check_session_storage", "\"on\"");
  CHECK_FALSE(lets_in(*proxy, start));
  CHECK(proxy->metric(replays) == 2);
}

TEST_CASE("reload effects: replay_check_persist") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  auto& node = proxy->client_side();
  const auto file = node.state() / "seen-handshakes";
  const auto is_there = [&](bool wanted) {
    return eventually([&] { return std::filesystem::exists(file) == wanted; }, patience);
  };
  CHECK(is_there(true));
  proxy.change("replay_check_persist", "false");
  CHECK(is_there(false));
  const auto start = start_of(proxy->secret(), framing::padded);
  CHECK(lets_in(*proxy, start));
  proxy.change("replay_check_persist", "true");
  CHECK(is_there(true));
  node.kill();
  node.start();
  CHECK_FALSE(lets_in(*proxy, start));
}

TEST_CASE("reload effects: replay_check_session_storage_opts.max_items") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  for (int i = 0; i < 20; ++i)
    CHECK(lets_in(*proxy, start_of(proxy->secret(), framing::padded)));
  proxy.change("replay_check_session_storage_opts", "{ max_items = 8 }");
  // Far above it is not for long: it is looked at every 5 s. What came at one time goes together.
  CHECK(proxy->client_side().wait_for_output(" handshakes evicted, "));
}

TEST_CASE("reload effects: replay_check_server_error_filter") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  const bytes server_error{0x6c, 0xfe, 0xff, 0xff};
  const auto ask_for_error = [&](net::proxy_client& client) {
    REQUIRE(client.send(encode({fake_command::code::server_error}), false, soon()));
  };
  const auto expect_error = [&](net::proxy_client& client) {
    ask_for_error(client);
    const auto got = client.receive(soon());
    REQUIRE(got);
    CHECK(got->packet == server_error);
  };
  auto first = proxy->client(secure_protocol());
  expect_error(first);
  proxy.change("replay_check_server_error_filter", "\"on\"");
  auto second = proxy->client(secure_protocol());
  ask_for_error(second);
  CHECK(proxy->wait_for_metric(protocol_error("srv_error_filtered"), 1));
  check_echo(second);
  // A client has what it was let in with.
  expect_error(first);
}

TEST_CASE("reload effects: per_sni_secrets, per_sni_secret_salt") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  const auto is_served = [&](const secret16& secret) {
    net::proxy_client client{proxy->connect(),
                             {.secret = secret, .tls_domain = std::string{"example.com"}}};
    if (!client.handshake(soon())) return false;
    check_echo(client);
    return true;
  };
  const auto secret_with = [&](const char* salt) {
    return derive_sni_secret(proxy->secret(), "example.com", salt);
  };
  CHECK(is_served(proxy->secret()));
  proxy.change({{"per_sni_secrets", "\"on\""}, {"per_sni_secret_salt", "\"salt and pepper\""}});
  CHECK_FALSE(is_served(proxy->secret()));
  CHECK(is_served(secret_with("salt and pepper")));
  proxy.change("per_sni_secret_salt", "\"another salt\"");
  CHECK_FALSE(is_served(secret_with("salt and pepper")));
  CHECK(is_served(secret_with("another salt")));
  proxy.change("per_sni_secrets", "\"off\"");
  CHECK(is_served(proxy->secret()));
}

TEST_CASE("reload effects: a port's tag and allowed_protocols") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  auto first = proxy->client(secure_protocol());
  check_echo(first);
  const std::string tag = "dcbe8f1493fa4cd9ab300891c0b5b326";
  proxy.change_port("tag", '"' + tag + '"');
  auto second = proxy->client(secure_protocol());
  check_echo(second);
  REQUIRE(telegram.requests().back().tag);
  CHECK(to_hex(*telegram.requests().back().tag) == tag);
  check_echo(first);
  CHECK_FALSE(telegram.requests().back().tag);

  CHECK(lets_in(*proxy, start_of(proxy->secret(), framing::abridged)));
  proxy.change_port("allowed_protocols", "[\"mtp_secure\"]");
  CHECK_FALSE(lets_in(*proxy, start_of(proxy->secret(), framing::abridged)));
  CHECK(lets_in(*proxy, start_of(proxy->secret(), framing::padded)));
}

// -- clients that do not read ---------------------------------------------------------------------

void ask_for(net::proxy_client& client, std::uint32_t size, std::uint32_t count) {
  REQUIRE(client.send(encode({fake_command::code::bulk, size, count}), false, soon()));
}

/// A client that does not read, and 48 MiB for it in the proxy and in sockets.
struct stuck_client {
  static constexpr std::uint32_t size = 64 * 1024;
  static constexpr std::uint32_t count = 768;

  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.config = "upstream_send_timeout_ms = 600000\n"
                                  "upstream_healthchecks = {}\n"
                                  "downstream_backpressure = { bytes_total = 1000000000, "
                                  "packets_total = 100000 }\n"
                                  "dc_stall_timeout_sec = 60\n",
                        .telegram = &telegram}};
  net::proxy_client client = proxy->client(secure_protocol());

  stuck_client() {
    ask_for(client, size, count);
    REQUIRE(proxy->wait_for_metric_of_at_least("received_downstream_bytes{dc_id=\"2\"}",
                                               double{size} * count));
  }
};

TEST_CASE("reload effects: upstream_send_timeout_ms") {
  stuck_client on;
  on.proxy.change("upstream_send_timeout_ms", "500");
  CHECK(on.proxy->wait_for_metric("upstream_send_error_total{listener=\"test\",reason=\"timeout\"}",
                                  1));
  CHECK(on.proxy->wait_for_metric("connections_count{listener=\"test\"}", 0));
}

TEST_CASE("reload effects: upstream_healthchecks") {
  stuck_client on;
  std::string action;
  SUBCASE("qlen") {
    action = "message_queue_len";
    on.proxy.change("upstream_healthchecks", "{ qlen = 20 }");
  }
  SUBCASE("total_mem") {
    action = "total_memory";
    on.proxy.change("upstream_healthchecks", "{ total_mem = 1048576 }");
  }
  ask_for(on.client, stuck_client::size, 1);
  CHECK(on.proxy->wait_for_metric("healthcheck_total{action=\"" + action + "\"}", 1));
  CHECK(on.proxy->wait_for_metric("connections_count{listener=\"test\"}", 0));
}

TEST_CASE("reload effects: downstream_backpressure") {
  stuck_client on;
  const auto pauses = [&](const std::string& state) {
    return on.proxy->metric(R"(down_backpressure_total{dc_id="2",state=")" + state + "\"}");
  };
  std::string limit;
  std::string state;
  SUBCASE("bytes_total") {
    limit = "bytes_total = 65536, packets_total = 100000";
    state = "bytes_total";
  }
  SUBCASE("packets_total") {
    limit = "bytes_total = 1000000000, packets_total = 11";
    state = "count_total";
  }
  SUBCASE("bytes_per_upstream") {
    limit = "bytes_total = 1000000000, packets_total = 100000, bytes_per_upstream = 65536";
    state = "bytes_per_upstream";
  }
  SUBCASE("packets_per_upstream") {
    limit = "bytes_total = 1000000000, packets_total = 100000, packets_per_upstream = 1.5";
    state = "count_per_upstream";
  }
  CHECK(pauses(state) == 0);
  on.proxy.change("downstream_backpressure", "{ " + limit + " }");
  ask_for(on.client, stuck_client::size, 1);
  CHECK(eventually([&] { return pauses(state) >= 1; }, patience));
}

TEST_CASE("reload effects: upstream_socket_buffer_size, downstream_socket_buffer_size") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{
      {.config = "upstream_socket_buffer_size = 512\ndownstream_socket_buffer_size = 512\n",
       .telegram = &telegram}};
  auto client = proxy->client(secure_protocol());
  const auto longer_reads = [&](const std::string& direction) {
    const std::string series = "tracker_packet_size_bytes_";
    const auto label = "direction=\"" + direction + "\"";
    const auto all = proxy->metrics();
    return value_of(all, series + "count{" + label + "}") -
           value_of(all, series + "bucket{" + label + ",le=\"512\"}");
  };
  check_echo(client, 200'000);
  CHECK(longer_reads("upstream") == 0);
  CHECK(longer_reads("downstream") == 0);
  proxy.change(
      {{"upstream_socket_buffer_size", "65536"}, {"downstream_socket_buffer_size", "65536"}});
  // Reactors make room for it a moment later.
  for (const std::string direction : {"upstream", "downstream"})
    CHECK(eventually(
        [&] {
          check_echo(client, 200'000);
          return longer_reads(direction) > 0;
        },
        patience));
  proxy.change("upstream_socket_buffer_size", "512");
  const auto before = longer_reads("upstream");
  check_echo(client, 200'000);
  CHECK(longer_reads("upstream") == before);
}

// -- the process ----------------------------------------------------------------------------------

TEST_CASE("reload effects: log_level") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  auto& node = proxy->client_side();
  const std::string line = "test: connection from";
  const auto come_and_go = [&] {
    auto client = proxy->client(secure_protocol());
    check_echo(client);
  };
  come_and_go();
  CHECK(node.wait_for_output(line));
  proxy.change("log_level", "\"info\"");
  come_and_go();
  proxy.change("log_level", "\"debug\"");
  come_and_go();
  CHECK(eventually([&] { return node.count_in_output(line) >= 2; }, patience));
  CHECK(node.count_in_output(line) == 2);
}

TEST_CASE("reload effects: stop_timeout_sec") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.config = "stop_timeout_sec = 60\n", .telegram = &telegram}};
  auto& node = proxy->telegram_side();
  node.kill();
  // A part that hangs for ever: on a file that nobody writes.
  const auto file = node.state() / "proxy-secret";
  std::filesystem::create_directories(file.parent_path());
  std::filesystem::remove(file);
  REQUIRE(mkfifo(file.c_str(), 0600) == 0);
  node.start();
  const auto console = (node.state() / "console.sock").string();
  REQUIRE(eventually([&] { return net::connect_unix(console).has_value(); }, patience));
  proxy.change("stop_timeout_sec", "1");
  node.program().signal(SIGTERM);
  CHECK(node.program().wait(4s) == 1);
  CHECK(has(node.output(), "not everything ended within 1 s"));
}

TEST_CASE("reload effects: external_ip and external_ipv6 are in share links") {
  const fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};
  proxy.change("external_ip", "\"203.0.113.9\"");
  CHECK(proxy->wait_for_output("?server=203.0.113.9&"));
  proxy.change("external_ipv6", "\"2001:db8::9\"");
  CHECK(proxy->wait_for_output("?server=2001:db8::9&"));
}

}  // namespace
}  // namespace mtp::test
