// What goes wrong outside: Telegram dead or silent, probes, floods, limits.
#include <sys/socket.h>

#include <csignal>

#include "codecs/base/text.hpp"
#include "codecs/client/tls_client_hello.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a DC that is dead at boot is served as soon as it comes up; its clients wait") {
  fake_telegram telegram{{.dcs = {1, 2}}};
  telegram.set_dc_dead(1, true);
  proxy_under_test proxy{{.telegram = &telegram}};
  auto other = proxy.client(secure_protocol(), 2);
  check_echo(other);
  auto client = proxy.client(secure_protocol(), 1);
  const auto packet = random_packet(64);
  REQUIRE(client.send(packet, false, soon()));
  CHECK(proxy.wait_for_metric("dc_num_waiting{dc=\"1\"}", 1));
  telegram.set_dc_dead(1, false);
  const auto got = client.receive(soon());
  REQUIRE(got);
  CHECK(got->packet == packet);
}

TEST_CASE("a client of a dead DC is closed after a bounded time, and counted") {
  fake_telegram telegram{{.dcs = {1, 2}}};
  telegram.set_dc_dead(1, true);
  proxy_under_test proxy{{.config = "dc_wait_timeout_sec = 1", .telegram = &telegram}};
  auto client = proxy.client(secure_protocol(), 1);
  REQUIRE(client.send(random_packet(64), false, soon()));
  check_closed(client);
  CHECK(proxy.wait_for_metric("no_dc_total{listener=\"test\",dc_id=\"1\",reason=\"no_link\"}", 1));
  CHECK(proxy.wait_for_metric("dc_num_waiting{dc=\"1\"}", 0));
}

TEST_CASE("every DC dead at boot: the proxy starts, and says so in one line") {
  fake_telegram telegram{{.dcs = {1, 2}}};
  telegram.set_dc_dead(1, true);
  telegram.set_dc_dead(2, true);
  proxy_under_test proxy{{.telegram = &telegram}};
  CHECK(proxy.wait_for_output("Telegram can't be reached: no connection to any of 2"));
  telegram.set_dc_dead(1, false);
  telegram.set_dc_dead(2, false);
  auto client = proxy.client(secure_protocol(), 2);
  check_echo(client);
}

/// An address that answers nothing: its queue of connections is full.
class black_hole {
 public:
  explicit black_hole(const char* ip) {
    const auto any = endpoint{.ip = *ip_address::parse(ip), .port = 0};
    const int family = any.ip.is_v4() ? AF_INET : AF_INET6;
    listener_ = net::unique_fd{::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto bound = net::to_socket_address(any);
    REQUIRE(::bind(listener_.get(), bound.get(), bound.size) == 0);
    REQUIRE(::listen(listener_.get(), 0) == 0);
    const auto address = net::to_socket_address(at());
    for (int i = 0; i < 4; ++i) {
      filling_.emplace_back(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      static_cast<void>(::connect(filling_.back().get(), address.get(), address.size));
    }
  }
  [[nodiscard]] endpoint at() const { return net::local_endpoint(listener_.get()); }

 private:
  net::unique_fd listener_;
  std::vector<net::unique_fd> filling_;
};

TEST_CASE("a DC of which some addresses answer nothing is served without delay") {
  const auto served_soon = [](const char* ip, const std::string& config) {
    const black_hole nobody{ip};
    const fake_telegram telegram{{.dcs = {2}, .others = {{2, nobody.at()}}}};
    proxy_under_test proxy{{.config = config, .telegram = &telegram}};
    const auto begun = std::chrono::steady_clock::now();
    auto client = proxy.client(secure_protocol());
    check_echo(client);
    // Connecting is given up after 10 s.
    CHECK(std::chrono::steady_clock::now() - begun < 3s);
    CHECK(eventually([&] { return telegram.conns(2) == 2; }, 3s));
    CHECK(proxy.wait_for_metric_of_at_least(
        "out_connect_error_total{dc_id=\"2\",reason=\"overtaken\"}", 1));
  };
  SUBCASE("the preferred family") {
    served_soon("::1", "prefer_ipv6 = true");
  }
  SUBCASE("one of two of a family") {
    served_soon("127.0.0.1", "init_dc_connections = 2");
  }
}

// Without a copy the built-in list is used: tests/actors/uplink/dc_config_test.cpp, which asks
// nobody.
TEST_CASE("core.telegram.org dead at boot: the copy on disk is used") {
  fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  {
    auto client = proxy.client(secure_protocol());
    check_echo(client);
  }
  REQUIRE(eventually(
      [&] {
        // The last of three to be written.
        return std::filesystem::exists(proxy.telegram_side().state() / "proxy-config-v6");
      },
      patience));
  telegram.set_config_answer(config_answer::unavailable);
  proxy.telegram_side().kill();
  proxy.telegram_side().start();
  auto client = proxy.client(secure_protocol());
  check_echo(client);
  CHECK(proxy.wait_for_output("using the copy on disk"));
}

TEST_CASE("a configuration that can't be had, or makes no sense, changes nothing") {
  fake_telegram telegram;
  proxy_under_test proxy{{.config = "conf_refresh_interval = 1", .telegram = &telegram}};
  auto client = proxy.client(secure_protocol());
  check_echo(client);
  for (const auto answer : {config_answer::unavailable, config_answer::nonsense}) {
    telegram.set_config_answer(answer);
    const auto before = telegram.config_requests();
    REQUIRE(eventually([&] { return telegram.config_requests() >= before + 6; }, patience));
    check_echo(client);
    auto another = proxy.client(tls_protocol(), 4);
    check_echo(another);
  }
  CHECK(proxy.output().find("can't be fetched") != std::string::npos);
}

TEST_CASE("a DC connection that stalls is found, counted, replaced; its idle clients move on") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{
      {.config = "dc_stall_timeout_sec = 2\ndc_ping_interval_sec = 1", .telegram = &telegram}};
  auto client = proxy.client(secure_protocol());
  check_echo(client);
  // One that is still in its handshake can't stall.
  REQUIRE(eventually([&] { return telegram.conns(2) >= 2; }, patience));
  telegram.set_dc_silent(2, true);
  CHECK(eventually([&] { return proxy.metric("dc_stalled_total{dc_id=\"2\"}") >= 2; }, patience));
  telegram.set_dc_silent(2, false);
  check_echo(client);
}

/// Lines of a second port's table.
std::string second_port(const std::string& listen_ip, std::uint16_t port, const secret16& secret) {
  return "[[ports]]\nname = \"other\"\nlisten_ip = \"" + listen_ip +
         "\"\nport = " + std::to_string(port) + "\nsecret = \"" + to_hex(secret) + "\"\n";
}

TEST_CASE("several ports: each has its own secret, address and count") {
  const fake_telegram telegram{{.dcs = {2}}};
  const secret16 other_secret = net::random_array<16>();
  const auto other_port = free_port(true);
  proxy_under_test proxy{
      {.port_config = second_port("::1", other_port, other_secret), .telegram = &telegram}};
  const auto connect = [&](const client_protocol& how, const secret16& secret) {
    auto socket = net::blocking_socket::connect("::1", other_port, soon());
    REQUIRE(socket);
    return net::proxy_client{
        std::move(*socket),
        {.secret = secret,
         .kind = how.kind,
         .dc = 2,
         .tls_domain = how.tls ? std::optional<std::string>{"example.com"} : std::nullopt}};
  };
  for (const auto& protocol : all_protocols()) {
    CAPTURE(protocol.name);
    auto first = proxy.client(protocol);
    check_echo(first);
    auto second = connect(protocol, other_secret);
    REQUIRE(second.handshake(soon()));
    check_echo(second);
    // The first port's secret opens only the first port.
    auto wrong = connect(protocol, proxy.secret());
    if (wrong.handshake(soon())) {
      REQUIRE(wrong.send(random_packet(64), false, soon()));
      check_closed(wrong);
    }
  }
  CHECK(proxy.metric("in_connection_total{listener=\"test\"}") == 4);
  CHECK(proxy.metric("in_connection_total{listener=\"other\"}") == 8);
}

TEST_CASE("garbage, HTTP and half a hello do no harm, on any port") {
  const fake_telegram telegram{{.dcs = {2}}};
  const auto other_port = free_port();
  proxy_under_test proxy{
      {.config = "init_timeout_sec = 2",
       .port_config = second_port("127.0.0.1", other_port, net::random_array<16>()),
       .telegram = &telegram}};
  auto bystander = proxy.client(tls_protocol());
  check_echo(bystander);
  const std::map<std::string, std::uint16_t> ports{{"test", proxy.port()}, {"other", other_port}};
  for (const auto& [name, port] : ports) {
    CAPTURE(name);
    const auto connect = [to = port] {
      auto socket = net::blocking_socket::connect("127.0.0.1", to, soon());
      REQUIRE(socket);
      return std::move(*socket);
    };
    const auto errors = [&, listener = name](const std::string& reason) {
      return proxy.metric("protocol_error_total{listener=\"" + listener + "\",reason=\"" + reason +
                          "\"}");
    };
    auto garbage = connect();
    REQUIRE(garbage.send(random_packet(4096), soon()));
    check_closed(garbage);
    CHECK(errors("unknown_protocol") == 1);

    auto http = connect();
    const std::string request =
        "GET /index.html HTTP/1.1\r\nHost: example.com\r\nUser-Agent: curl/7.88.1\r\n\r\n";
    REQUIRE(http.send(as_bytes(request), soon()));
    check_closed(http);
    CHECK(errors("unknown_protocol") == 2);

    auto half_hello = connect();
    const auto hello = make_client_hello(proxy.secret(), "example.com", 0,
                                         net::random_array<client_hello_random_size>());
    REQUIRE(half_hello.send(byte_view{hello}.first(hello.size() / 2), soon()));
    auto silent = connect();
    check_closed(half_hello);
    check_closed(silent);
    CHECK(proxy.metric("inactive_timeout_total{listener=\"" + name + "\"}") == 2);

    auto wrong_secret = connect();
    const auto other = make_client_hello(net::random_array<16>(), "example.com", 0,
                                         net::random_array<client_hello_random_size>());
    REQUIRE(wrong_secret.send(other, soon()));
    check_closed(wrong_secret);
    CHECK(errors("tls_invalid_digest") == 1);
  }
  check_echo(bystander);
}

TEST_CASE("only allowed protocols are let in") {
  const fake_telegram telegram;
  proxy_under_test proxy{
      {.config = "allowed_protocols = [\"mtp_fake_tls\"]", .telegram = &telegram}};
  for (const auto& protocol : all_protocols()) {
    CAPTURE(protocol.name);
    auto client = proxy.client(protocol);
    if (protocol.tls) {
      check_echo(client);
      continue;
    }
    REQUIRE(client.send(random_packet(64), false, soon()));
    check_closed(client);
  }
  CHECK(proxy.metric(protocol_error("tls_client_hello_expected")) == 3);

  proxy_under_test strict{
      {.config = "allowed_protocols = [\"mtp_secure\"]", .telegram = &telegram}};
  for (const auto& protocol : all_protocols()) {
    CAPTURE(protocol.name);
    if (protocol.tls) continue;
    auto client = strict.client(protocol);
    if (protocol.kind == framing::padded) {
      check_echo(client);
      continue;
    }
    REQUIRE(client.send(random_packet(64), false, soon()));
    check_closed(client);
  }
  CHECK(strict.metric(protocol_error("disabled_protocol")) == 2);
}

TEST_CASE("a client that says nothing more is put to rest, then closed") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{
      {.config = "hibernate_timeout_sec = 1\nready_timeout_sec = 3", .telegram = &telegram}};
  auto client = proxy.client(secure_protocol());
  check_echo(client);
  CHECK(proxy.wait_for_metric("inactive_hibernate_total{listener=\"test\"}", 1));
  check_echo(client);
  CHECK(proxy.metric("timer_switch_total{listener=\"test\",from=\"stop\",to=\"hibernate\"}") == 1);
  check_closed(client);
  CHECK(proxy.metric("inactive_timeout_total{listener=\"test\"}") == 1);
}

TEST_CASE("a client that does not read is closed, and others are not kept waiting") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{
      {.config = "upstream_healthchecks = { total_mem = 4194304 }", .telegram = &telegram}};
  auto slow = proxy.client(secure_protocol());
  auto quick = proxy.client(tls_protocol());
  REQUIRE(slow.send(encode({.action = fake_command::code::bulk, .size = 1024 * 1024, .count = 64}),
                    false, soon()));
  CHECK(eventually([&] { return proxy.metric("healthcheck_total{action=\"total_memory\"}") == 1; },
                   patience));
  for (int i = 0; i < 10; ++i)
    check_echo(quick);
}

TEST_CASE("reset_close_socket resets refused clients, and only those") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{
      {.config = "reset_close_socket = \"handshake_error\"", .telegram = &telegram}};
  auto refused = proxy.connect();
  auto garbage = random_packet(64);
  garbage[0] = 'x';  // 16 would start a TLS record
  REQUIRE(refused.send(garbage, soon()));
  bytes buffer(64);
  const auto reset = refused.receive(buffer, soon());
  REQUIRE_FALSE(reset);
  CHECK(reset.error() == "Connection reset by peer");

  auto closed = proxy.client(secure_protocol());
  check_echo(closed);
  REQUIRE(closed.send(encode({.action = fake_command::code::close_client}), false, soon()));
  const auto finished = closed.receive(soon());
  REQUIRE_FALSE(finished);
  CHECK(finished.error() == "closed");
}

}  // namespace
}  // namespace mtp::test
