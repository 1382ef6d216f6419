#include "config/settings_file.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "codecs/base/text.hpp"
#include "tests/support/process.hpp"

namespace mtp::config {
namespace {

constexpr std::string_view one_port =
    "[[ports]]\n"
    "port = 1443\n"
    "secret = \"00112233445566778899aabbccddeeff\"\n";

loaded_settings good(const std::string& text) {
  auto loaded = parse_settings(text, "dir/proxy.toml");
  INFO((loaded ? std::string{} : to_string(loaded.error().front())));
  REQUIRE(loaded);
  return std::move(*loaded);
}

/// Settings with one more line in front of the port.
settings with(const std::string& line) {
  return good(line + "\n" + std::string{one_port}).settings;
}

std::vector<std::string> problems(const std::string& text) {
  const auto loaded = parse_settings(text, "dir/proxy.toml");
  REQUIRE_FALSE(loaded);
  std::vector<std::string> texts;
  for (const auto& problem : loaded.error())
    texts.push_back(to_string(problem));
  return texts;
}

/// The only problem with this line in the file.
std::string problem(const std::string& line) {
  const auto all = problems(line + "\n" + std::string{one_port});
  REQUIRE(all.size() == 1);
  return all[0];
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("settings: a port and nothing else gives the original's defaults") {
  const auto loaded = good(std::string{one_port});
  CHECK(loaded.warnings.empty());
  const auto& all = loaded.settings;
  REQUIRE(all.client.ports.size() == 1);
  CHECK(all.client.ports[0].name == "mtp_handler_1");
  CHECK(all.client.ports[0].listen == *parse_endpoint("0.0.0.0:1443"));
  CHECK(to_hex(all.client.ports[0].secret) == "00112233445566778899aabbccddeeff");
  CHECK_FALSE(all.client.ports[0].tag);
  CHECK(all.client.max_connections == 64000);
  CHECK(all.client.allowed_protocols.size() == 4);
  CHECK_FALSE(all.client.per_sni_secrets);
  CHECK(all.client.init_timeout.count() == 60);
  CHECK(all.client.hibernate_timeout.count() == 60);
  CHECK(all.client.ready_timeout.count() == 1200);
  CHECK(all.client.reset_close_socket == reset_close::off);
  CHECK(all.client.server_error_filter == error_filter::automatic);
  CHECK(all.client.replay_check_session_storage);
  CHECK(all.client.replay_cache.max_items == 4'000'000);
  CHECK(all.client.replay_cache.max_memory_mb == 0);  // a part of the budget
  CHECK(all.client.replay_cache.max_age.count() == 360);
  CHECK(all.client.upstream_socket_buffer_size == 51200);
  CHECK(all.uplink.downstream_socket_buffer_size == 512000);
  CHECK(all.client.upstream_send_timeout.count() == 15000);
  CHECK(all.uplink.full_check_crc32);
  CHECK(all.uplink.core_api_http_timeout.count() == 3000);
  CHECK(all.uplink.conf_refresh_interval.count() == 3600);
  CHECK(all.uplink.init_dc_connections == 2);
  CHECK(all.uplink.clients_per_dc_connection == 300);
  CHECK(all.uplink.downstream_backpressure.bytes_total == 300 * 30 * 1024);
  CHECK(all.uplink.downstream_backpressure.packets_total == 600);
  CHECK_FALSE(all.uplink.downstream_backpressure.bytes_per_upstream);
  CHECK_FALSE(all.process.metrics_listen);
}

TEST_CASE("settings: every option is read") {
  using namespace std::chrono_literals;
  CHECK(with("listen_ip = \"::\"").client.ports[0].listen.ip == *ip_address::parse("::"));
  CHECK(with("max_connections = 5").client.max_connections == 5);
  CHECK(with("allowed_protocols = [\"mtp_secure\", \"mtp_fake_tls\"]").client.allowed_protocols ==
        std::vector{protocol::mtp_secure, protocol::mtp_fake_tls});
  CHECK(with("per_sni_secrets = \"on\"").client.per_sni_secrets);
  CHECK(with("per_sni_secrets = true").client.per_sni_secrets);
  CHECK(with("per_sni_secrets = \"on\"\nper_sni_secret_salt = \"s\"").client.per_sni_secrets);
  CHECK(with("per_sni_secret_salt = \"s\"").client.per_sni_secret_salt == "s");
  CHECK(with("init_timeout_sec = 7").client.init_timeout == 7s);
  CHECK(with("hibernate_timeout_sec = 7").client.hibernate_timeout == 7s);
  CHECK(with("ready_timeout_sec = 7").client.ready_timeout == 7s);
  CHECK(with("reset_close_socket = \"handshake_error\"").client.reset_close_socket ==
        reset_close::handshake_error);
  CHECK(with("reset_close_socket = \"always\"").client.reset_close_socket == reset_close::always);
  CHECK(with("reset_close_socket = false").client.reset_close_socket == reset_close::off);
  CHECK(with("replay_check_server_error_filter = \"on\"").client.server_error_filter ==
        error_filter::on);
  CHECK(with("replay_check_server_error_filter = \"first\"").client.server_error_filter ==
        error_filter::first);
  CHECK(with("replay_check_server_error_filter = false").client.server_error_filter ==
        error_filter::off);
  CHECK_FALSE(with("replay_check_session_storage = \"off\"").client.replay_check_session_storage);
  const auto storage = with(
                           "replay_check_session_storage_opts = "
                           "{ max_items = 1, max_memory_mb = 2, max_age_minutes = 3 }")
                           .client.replay_cache;
  CHECK(storage.max_items == 1);
  CHECK(storage.max_memory_mb == 2);
  CHECK(storage.max_age == 3min);
  CHECK(with("upstream_socket_buffer_size = 1000").client.upstream_socket_buffer_size == 1000);
  CHECK(with("downstream_socket_buffer_size = 1000").uplink.downstream_socket_buffer_size == 1000);
  CHECK(with("memory_budget_mb = 64").process.memory_budget == std::size_t{64} << 20U);
  CHECK(with("").process.memory_budget == 0);
  CHECK(contains(problem("memory_budget_mb = 63"), "at least 64"));
  CHECK(with("upstream_send_timeout_ms = 0").client.upstream_send_timeout == 0ms);
  const auto health = with("upstream_healthchecks = { qlen = 3 }").uplink.upstream_healthchecks;
  CHECK(health.qlen == 3);
  CHECK_FALSE(health.total_mem);
  CHECK(
      with("upstream_healthchecks = { total_mem = 4096 }").uplink.upstream_healthchecks.total_mem ==
      4096);
  CHECK(with("proxy_secret_url = \"http://u\"").uplink.proxy_secret_url == "http://u");
  const auto lists = with("proxy_config_url = \"https://u\"");
  CHECK(lists.uplink.proxy_config_url == "https://u");
  // Another server's list does not go with Telegram's list of IPv6.
  CHECK(lists.uplink.proxy_config_v6_url.empty());
  CHECK(with("proxy_config_v6_url = \"http://u\"").uplink.proxy_config_v6_url == "http://u");
  CHECK(with("core_api_http_timeout_ms = 100").uplink.core_api_http_timeout == 100ms);
  CHECK(with("conf_refresh_interval = 1").uplink.conf_refresh_interval == 1s);
  CHECK(with("external_ip = \"192.0.2.1\"").uplink.external_ip == ip_address::v4({192, 0, 2, 1}));
  CHECK(with("external_ipv6 = \"2001:db8::1\"").uplink.external_ipv6 ==
        ip_address::parse("2001:db8::1"));
  CHECK(with("ip_lookup_services = []").uplink.ip_lookup_services.empty());
  CHECK(with("ip_lookup_services = [\"http://a\"]").uplink.ip_lookup_always);
  CHECK_FALSE(with("").uplink.ip_lookup_always);
  CHECK(with("prefer_ipv6 = true").uplink.prefer_ipv6);
  CHECK(with("init_dc_connections = 0").uplink.init_dc_connections == 0);
  const auto few = with("clients_per_dc_connection = 2");
  CHECK(few.uplink.clients_per_dc_connection == 2);
  CHECK(few.uplink.downstream_backpressure.bytes_total == 2 * 30 * 1024);
  CHECK(few.uplink.downstream_backpressure.packets_total == 11);
  const auto limits = with(
                          "downstream_backpressure = { bytes_total = 2000, packets_total = 20, "
                          "bytes_per_upstream = 1024, packets_per_upstream = 1.5 }")
                          .uplink.downstream_backpressure;
  CHECK(limits.bytes_total == 2000);
  CHECK(limits.packets_total == 20);
  CHECK(limits.bytes_per_upstream == 1024);
  CHECK(limits.packets_per_upstream == 1.5);
  CHECK_FALSE(with("mtp_full_check_crc32 = false").uplink.full_check_crc32);
  CHECK(with("dc_wait_timeout_sec = 1").uplink.dc_wait_timeout == 1s);
  CHECK(with("dc_ping_interval_sec = 1").uplink.dc_ping_interval == 1s);
  CHECK(with("dc_stall_timeout_sec = 1").uplink.dc_stall_timeout == 1s);
  CHECK(with("dc_idle_timeout_sec = 30").uplink.dc_idle_timeout == 30s);
  CHECK(with("reactors = 3").process.reactors == 3);
  CHECK(with("state_dir = \"state\"").process.state_dir == "dir/state");
  CHECK(with("state_dir = \"/state\"").process.state_dir == "/state");
  CHECK(with("state_dir = \"\"").process.state_dir.empty());
  CHECK(with("console_socket = \"run/c\"").process.console_socket == "dir/run/c");
  CHECK(with("console_socket = \"/run/c\"").process.console_socket == "/run/c");
  CHECK(with("console_socket = \"\"").process.console_socket.empty());
  CHECK(with("").process.console_socket == "/var/lib/mtproto-proxy/console.sock");
  CHECK(with("state_dir = \"state\"").process.console_socket == "dir/state/console.sock");
  CHECK(with("state_dir = \"\"").process.console_socket.empty());
  CHECK(with("state_dir = \"\"\nconsole_socket = \"c\"").process.console_socket == "dir/c");
  CHECK(with("metrics_port = 9").process.metrics_listen == *parse_endpoint("127.0.0.1:9"));
  CHECK(with("metrics_port = 9\nmetrics_ip = \"::1\"").process.metrics_listen ==
        *parse_endpoint("[::1]:9"));
  CHECK(with("log_level = \"debug\"").process.log_level == "debug");
  CHECK(with("stop_timeout_sec = 1").process.stop_timeout == 1s);
  CHECK(with("node_role = \"both\"").client.ports.size() == 1);
  CHECK(with("policy = []").client.ports.size() == 1);
}

TEST_CASE("settings: several ports, each with its own") {
  const auto all = good(
                       "listen_ip = \"127.0.0.1\"\n"
                       "[[ports]]\n"
                       "name = \"a\"\n"
                       "port = 1\n"
                       "secret = \"00112233445566778899aabbccddeeff\"\n"
                       "tag = \"ffeeddccbbaa99887766554433221100\"\n"
                       "[[ports]]\n"
                       "listen_ip = \"::1\"\n"
                       "port = 1\n"
                       "tag = \"\"\n"
                       "secret = \"ffeeddccbbaa99887766554433221100\"\n")
                       .settings;
  REQUIRE(all.client.ports.size() == 2);
  CHECK(all.client.ports[0].name == "a");
  CHECK(all.client.ports[0].listen == *parse_endpoint("127.0.0.1:1"));
  REQUIRE(all.client.ports[0].tag);
  CHECK(to_hex(*all.client.ports[0].tag) == "ffeeddccbbaa99887766554433221100");
  CHECK(all.client.ports[1].name == "mtp_handler_2");
  CHECK(all.client.ports[1].listen == *parse_endpoint("[::1]:1"));
  CHECK_FALSE(all.client.ports[1].tag);
}

TEST_CASE("settings: a mistake is told with file, line, key and what would be right") {
  CHECK(problem("max_connections = \"many\"") ==
        "dir/proxy.toml:1: max_connections: expected a whole number of at least 1, found \"many\"");
  CHECK(problem("\n\nmax_connections = 0") ==
        "dir/proxy.toml:3: max_connections: expected a whole number of at least 1, found 0");
  CHECK(problem("max_conections = 5") ==
        "dir/proxy.toml:1: max_conections: is not a known option; see doc/config.md for those "
        "there are");
  CHECK(problem("reset_close_socket = \"sometimes\"") ==
        "dir/proxy.toml:1: reset_close_socket: expected one of \"off\", \"handshake_error\", "
        "\"always\", found \"sometimes\"");
  CHECK(problem("log_level = 3") ==
        "dir/proxy.toml:1: log_level: expected one of \"debug\", \"info\", \"warning\", \"error\", "
        "\"off\", found 3");
  CHECK(problem("allowed_protocols = [\"mtp_secure\", \"tls\"]") ==
        "dir/proxy.toml:1: allowed_protocols: expected mtp_abridged, mtp_intermediate, mtp_secure "
        "or mtp_fake_tls, found \"tls\"");
  CHECK(problem("allowed_protocols = []") ==
        "dir/proxy.toml:1: allowed_protocols: expected at least one protocol");
  CHECK(problem("external_ip = \"2001:db8::1\"") ==
        "dir/proxy.toml:1: external_ip: expected an IPv4 address, found \"2001:db8::1\"");
  CHECK(problem("replay_check_session_storage_opts = { max_item = 5 }") ==
        "dir/proxy.toml:1: replay_check_session_storage_opts.max_item: is not a known option; see "
        "doc/config.md for those there are");
  CHECK(problem("replay_check_session_storage_opts = 5") ==
        "dir/proxy.toml:1: replay_check_session_storage_opts: expected a table, found 5");
  CHECK(
      problem("ip_lookup_services = [1]") ==
      "dir/proxy.toml:1: ip_lookup_services: expected a URL that starts with http:// or https://, "
      "found 1");
  CHECK(contains(problem("proxy_secret_url = \"banana\""), "proxy_secret_url: expected a URL"));
  CHECK(contains(problem("proxy_config_url = \"\""), "proxy_config_url: expected a URL"));
  CHECK(contains(problem("proxy_config_v6_url = \"ftp://x/y\""), "or \"\" for none, found"));
  CHECK(contains(problem("external_ip = \"0.0.0.0\""), "external_ip: expected an IPv4 address"));
  CHECK(contains(problem("num_acceptors = \"x\""), "num_acceptors: expected a whole number"));
  CHECK(contains(problem("upstream_healthchecks = { gc = \"x\" }"), "gc: expected a whole number"));
  CHECK(problem("allowed_protocols = [\n\"mtp_secure\",\n\"tls\"]") ==
        "dir/proxy.toml:3: allowed_protocols: expected mtp_abridged, mtp_intermediate, mtp_secure "
        "or mtp_fake_tls, found \"tls\"");
  CHECK(problem("per_sni_secrets = 1") ==
        "dir/proxy.toml:1: per_sni_secrets: expected true or false, found 1");
  CHECK(problem("downstream_backpressure = { packets_per_upstream = 0.5 }") ==
        "dir/proxy.toml:1: downstream_backpressure.packets_per_upstream: expected a number of at "
        "least 1, found 0.5");
  CHECK(contains(problem("max_connections ="), "dir/proxy.toml:1: "));
}

TEST_CASE("settings: a console socket whose path does not fit is told with the limit") {
  const auto longest = '/' + std::string(106, 'x');
  CHECK(with("console_socket = \"" + longest + '"').process.console_socket == longest);
  CHECK(problem("console_socket = \"" + longest + "x\"") ==
        "dir/proxy.toml:1: console_socket: expected a path of at most 107 bytes, which is what a "
        "UNIX socket can have; " +
            longest + "x has 108");
  CHECK(problem("console_socket = false") ==
        "dir/proxy.toml:1: console_socket: expected a text, found false");
}

TEST_CASE("settings: mistakes in ports") {
  const auto port = [](const std::string& lines) { return problems("[[ports]]\n" + lines); };
  CHECK(port("secret = \"00112233445566778899aabbccddeeff\"") ==
        std::vector<std::string>{
            "dir/proxy.toml:1: ports[0].port: is missing: expected a port number, 1 to 65535"});
  CHECK(contains(port("port = 1")[0], "ports[0].secret: is missing"));
  CHECK(contains(problems("ports = 5")[0], "expected an array of tables: [[ports]]"));
  const auto twice = problems(std::string{one_port} + std::string{one_port});
  REQUIRE(twice.size() == 1);
  CHECK(contains(twice[0], "ports[1].port: 0.0.0.0:1443 is served by \"mtp_handler_1\" already"));
  const auto named = problems(
      "[[ports]]\nname = \"a\"\nport = 1\nsecret = \"00112233445566778899aabbccddeeff\"\n"
      "[[ports]]\nname = \"a\"\nport = 2\nsecret = \"00112233445566778899aabbccddeeff\"\n");
  CHECK(named ==
        std::vector<std::string>{
            "dir/proxy.toml:6: ports[1].name: \"a\" is used by two ports; names must differ"});
}

TEST_CASE("settings: a secret is never shown, not even a wrong one") {
  for (const std::string secret :
       {"dd00112233445566778899aabbccddeeff", "0011", "xx112233445566778899aabbccddeeff"}) {
    const auto all = problems("[[ports]]\nport = 1\nsecret = \"" + secret + "\"\n");
    REQUIRE(all.size() == 1);
    CHECK(contains(all[0], "dir/proxy.toml:3: ports[0].secret: expected 32 hexadecimal digits"));
    CHECK_FALSE(contains(all[0], secret));
  }
  CHECK(
      problem("per_sni_secret_salt = 31415926") ==
      "dir/proxy.toml:1: per_sni_secret_salt: expected a text that is not empty, found a value of "
      "type integer");
  CHECK(
      problem("per_sni_secret_salt = \"\"") ==
      "dir/proxy.toml:1: per_sni_secret_salt: expected a text that is not empty, found a text of 0 "
      "characters");
}

TEST_CASE("settings: what is no TOML is told with line, column and what was expected") {
  CHECK(problems("a = 1\nsecret = 12345678901234567890123456789012\n") ==
        std::vector<std::string>{
            "dir/proxy.toml:2: is not TOML at column 42: Error while parsing decimal integer "
            "(texts need quotes around them)"});
  CHECK(problems("max_connections : 5") ==
        std::vector<std::string>{
            "dir/proxy.toml:1: is not TOML at column 17: Error while parsing key-value pair: "
            "expected '=', saw ':' (texts need quotes around them)"});
  CHECK(contains(problems("a = 1\na = 2")[0], "cannot redefine existing integer (texts"));
}

TEST_CASE("settings: an unknown key is named if it can be an option's name") {
  CHECK(contains(problem("max_connection2 = 1"), ":1: max_connection2: is not a known option"));
  for (const std::string key : {"00112233445566778899aabbccddeeff", "deadbeefdeadbeefdeadbeef",
                                "Zm9vYmFyYmF6cXV1eA", "\"a b\"", "\"\"", "\"\\u001b[31m\""})
    CHECK_MESSAGE(
        problem(key + " = 1")
            .starts_with(
                key.starts_with("dead")
                    ? "dir/proxy.toml:1: (not shown): is not a known option"
                    : "dir/proxy.toml:1: (a key that is not shown): is not a known option"),
        key);
}

TEST_CASE("settings: what may be a secret in the wrong place is not shown") {
  CHECK(problem("listen_ip = \"00112233445566778899aabbccddeeff\"") ==
        "dir/proxy.toml:1: listen_ip: expected an IPv4 or IPv6 address, found \"(not shown)\"");
  CHECK(problem("max_connections = \"x 0123456789abcdef y\"") ==
        "dir/proxy.toml:1: max_connections: expected a whole number of at least 1, found \"x (not "
        "shown) y\"");
  CHECK(problem("reactors = 1234567890123456") ==
        "dir/proxy.toml:1: reactors: expected a whole number of at least 0 and at most 256, found "
        "(not shown)");
  CHECK(problems("ports = \"my secret text\"")[0] ==
        "dir/proxy.toml:1: ports: expected an array of tables: [[ports]], found a text");
  CHECK(problems("ports = [\"my secret text\"]")[0] ==
        "dir/proxy.toml:1: ports: expected a table, found a text");
  CHECK(problem("log_level = \"\\u001b[31m\"").ends_with("found \"?[31m\""));
}

TEST_CASE("settings: all mistakes are told at once, in order") {
  const auto all = problems("a = 1\nmax_connections = -1\nb = 2\n[[ports]]\n");
  REQUIRE(all.size() == 5);
  CHECK(contains(all[0], ":1: a: "));
  CHECK(contains(all[1], ":2: max_connections: "));
  CHECK(contains(all[2], ":3: b: "));
  CHECK(contains(all[3], ":4: ports[0].port: "));
  CHECK(contains(all[4], ":4: ports[0].secret: "));
}

TEST_CASE("settings: what has no meaning here is accepted with a warning") {
  const auto warning = [](const std::string& line) {
    const auto loaded = good(line + "\n" + std::string{one_port});
    REQUIRE(loaded.warnings.size() == 1);
    return to_string(loaded.warnings[0]);
  };
  CHECK(contains(warning("num_acceptors = 60"), "dir/proxy.toml:1: num_acceptors: has no effect"));
  CHECK(contains(warning("metric_backend = \"m\""), "metric_backend: has no effect"));
  CHECK(contains(warning("upstream_healthchecks = { gc = 409600 }"),
                 "gc: has no effect: there is no garbage collector"));
  CHECK(contains(warning("per_sni_secrets = true"), "the salt is the published one"));
  const auto published =
      good("[[ports]]\nport = 1\nsecret = \"d0d6e111bada5511fcce9584deadbeef\"\n");
  REQUIRE(published.warnings.size() == 1);
  CHECK(contains(to_string(published.warnings[0]), "anybody can use this proxy"));
}

TEST_CASE("settings: what this version cannot do is refused, not ignored") {
  CHECK(contains(problem("policy = [[\"in_table\", \"tls_domain\", \"t\"]]"), "no policies yet"));
}

TEST_CASE("settings: a file that is not there, is not TOML, or is fine") {
  const test::temporary_directory directory;
  const auto path = (directory.path() / "proxy.toml").string();
  const auto missing = load_settings(path);
  REQUIRE_FALSE(missing);
  CHECK(to_string(missing.error()[0]) == path + ": can't be read: No such file or directory");
  std::ofstream{path} << "what?\n" << one_port;
  CHECK_FALSE(load_settings(path));
  std::ofstream{path} << one_port;
  CHECK(load_settings(path));
  std::ofstream{path} << one_port << '#' << std::string(std::size_t{1024} * 1024, '-');
  CHECK(to_string(load_settings(path).error()[0]) == path + ": is longer than 1 MiB");
  CHECK(to_string(load_settings(directory.path()).error()[0]) ==
        directory.path().string() + ": is a directory, not a TOML file");
}

}  // namespace
}  // namespace mtp::config
