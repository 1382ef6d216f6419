// Ports that come, go, move and overlap while the proxy runs.
#include <atomic>
#include <thread>

#include "codecs/base/text.hpp"
#include "net/loop/bound_port.hpp"
#include "tests/e2e/reload_fixture.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("reload: ports come and go, and clients of others do not notice") {
  const reloaded on;
  auto client = on.proxy.client(secure_protocol());
  check_echo(client);
  const auto port = free_port();
  const auto secret = net::random_array<16>();
  on.write_with("", table_of("second", port, secret));
  const auto added = on.reload();
  INFO(added.output);
  CHECK(added.status == 0);
  CHECK(contains(added.output, "ports.second: added, 127.0.0.1:" + std::to_string(port)));
  CHECK_FALSE(contains(added.output, to_hex(secret)));
  auto second = on.client_at(port, secret);
  check_echo(second);
  CHECK(on.node().metric("in_connection_total{listener=\"second\"}") == 1);

  on.write(on.first);
  CHECK(contains(on.reload().output, "ports.second: removed"));
  // Connected clients stay; new ones are refused.
  check_echo(second);
  check_echo(client);
  CHECK_FALSE(net::blocking_socket::connect("127.0.0.1", port, soon()));

  // Its address can be had again at once, under another name as well.
  on.write_with("", table_of("third", port, secret));
  CHECK(on.reload().status == 0);
  auto third = on.client_at(port, secret);
  check_echo(third);
  on.write_with("", table_of("fourth", port, secret));
  CHECK(on.reload().status == 0);
  auto fourth = on.client_at(port, secret);
  check_echo(fourth);
  check_echo(third);
  check_echo(second);
  CHECK(on.node().metric("in_connection_total{listener=\"fourth\"}") == 1);
}

TEST_CASE(
    "reload: a port that was there from the start is closed when it goes, and may come back") {
  const reloaded on;
  auto client = on.proxy.client(secure_protocol());
  check_echo(client);
  const auto port = free_port();
  on.node().set_line("port", std::to_string(port));
  REQUIRE(on.reload().status == 0);
  CHECK_FALSE(net::blocking_socket::connect("127.0.0.1", on.proxy.port(), soon()));
  auto moved = on.client_at(port, on.proxy.secret());
  check_echo(moved);
  on.write(on.first);
  REQUIRE(on.reload().status == 0);
  auto back = on.proxy.client(secure_protocol());
  check_echo(back);
  check_echo(client);
}

TEST_CASE("reload: an address that overlaps the one in use takes its place") {
  const reloaded on;
  const auto port = on.proxy.port();
  const auto is_served_at = [&](const char* ip) {
    return net::blocking_socket::connect(ip, port, soon()).has_value();
  };
  auto client = on.proxy.client(secure_protocol());
  check_echo(client);
  REQUIRE_FALSE(is_served_at("127.0.0.2"));
  on.node().set_line("listen_ip", "\"0.0.0.0\"");
  const auto wider = on.reload();
  INFO(wider.output);
  REQUIRE(wider.status == 0);
  CHECK(is_served_at("127.0.0.2"));
  auto wide = on.client_at(port, on.proxy.secret());
  check_echo(wide);
  on.write(on.first);
  REQUIRE(on.reload().status == 0);
  CHECK_FALSE(is_served_at("127.0.0.2"));
  auto narrow = on.client_at(port, on.proxy.secret());
  check_echo(narrow);
  check_echo(wide);
  check_echo(client);
}

TEST_CASE("reload: a refused one takes no client from a port whose address it would change") {
  const reloaded on;
  const auto taken =
      net::bound_port::bind({.ip = *ip_address::parse("127.0.0.1"), .port = 0}, 1, false);
  REQUIRE(taken);
  on.node().set_line("listen_ip", "\"0.0.0.0\"");
  REQUIRE(on.reload().status == 0);
  on.node().set_line("listen_ip", "\"127.0.0.1\"");
  on.node().set_line("metrics_port", std::to_string(taken->where().port));
  std::atomic<bool> ended = false;
  std::atomic<int> lost = 0;
  std::thread clients{[&] {
    while (!ended) {
      auto socket = net::blocking_socket::connect("127.0.0.1", on.proxy.port(), soon());
      if (!socket) {
        ++lost;
        continue;
      }
      net::proxy_client client{std::move(*socket), {.secret = on.proxy.secret()}};
      const auto packet = random_packet(64);
      if (!client.handshake(soon()) || !client.send(packet, false, soon()) ||
          !client.receive(soon()))
        ++lost;
    }
  }};
  for (int i = 0; i < 5; ++i)
    CHECK(on.reload().status == 1);
  ended = true;
  clients.join();
  CHECK(lost == 0);
}

TEST_CASE("reload: ports without a name may change places") {
  const reloaded on;
  const auto secret = net::random_array<16>();
  const auto port = free_port();
  const auto unnamed = [](std::string table) {
    const auto at = table.find("\nname = ");
    return table.erase(at, table.find('\n', at + 1) - at);
  };
  const auto table = unnamed(table_of("any", port, secret));
  const auto first = unnamed(on.first);
  on.write("drain_timeout_sec = 1\n" + first + table);
  REQUIRE(on.reload().status == 0);
  auto client = on.client_at(port, secret);
  check_echo(client);
  // What was the second port is the first now.
  on.write("drain_timeout_sec = 1\n" + first.substr(0, first.find("[[ports]]")) + table);
  REQUIRE(on.reload().status == 0);
  std::this_thread::sleep_for(2500ms);  // a client that had to leave would be gone
  check_echo(client);
  CHECK(on.node().metric("connections_count{listener=\"mtp_handler_2\"}") == 1);
  auto later = on.client_at(port, secret);
  check_echo(later);
  CHECK(on.node().metric("connections_count{listener=\"mtp_handler_1\"}") == 1);
}

TEST_CASE("reload: a port takes the number that the metrics had, and the other way round") {
  const reloaded on;
  const std::string key = "metrics_port = ";
  const auto number = on.first.substr(on.first.find(key) + key.size());
  const auto metrics = static_cast<std::uint16_t>(std::stoi(number));
  on.node().set_line("metrics_port", std::to_string(on.proxy.port()));
  on.node().set_line("port", std::to_string(metrics));
  const auto swapped = on.reload();
  INFO(swapped.output);
  REQUIRE(swapped.status == 0);
  auto client = on.client_at(metrics, on.proxy.secret());
  check_echo(client);
  on.write(on.first);
  REQUIRE(on.reload().status == 0);
  CHECK(on.node().metric("in_connection_total{listener=\"test\"}") == 1);
  check_echo(client);
}

TEST_CASE("reload: a port on :: has IPv4 clients while no other port of this number has them") {
  const reloaded on;
  on.node().set_line("listen_ip", "\"::\"");
  REQUIRE(on.reload().status == 0);
  const auto port = on.proxy.port();
  auto first = on.client_at(port, on.proxy.secret());
  check_echo(first);

  const auto secret = net::random_array<16>();
  const auto alone = on.node().file();
  const auto with_twin = [&](const char* ip) {
    auto table = table_of("twin", port, secret);
    const std::string known = "127.0.0.1";
    return alone + table.replace(table.find(known), known.size(), ip);
  };
  // A port of one address has what is sent there, and no more.
  on.write(with_twin("127.0.0.2"));
  const auto beside = on.reload();
  INFO(beside.output);
  REQUIRE(beside.status == 0);
  auto there = net::blocking_socket::connect("127.0.0.2", port, soon());
  REQUIRE(there);
  auto at_twin = make_client(std::move(*there), secure_protocol(), 2, secret);
  check_echo(at_twin);
  auto elsewhere = on.client_at(port, on.proxy.secret());
  check_echo(elsewhere);

  on.write(with_twin("0.0.0.0"));
  const auto apart = on.reload();
  INFO(apart.output);
  REQUIRE(apart.status == 0);
  auto twin = on.client_at(port, secret);
  check_echo(twin);
  CHECK(net::blocking_socket::connect("::1", port, soon()));

  on.write(alone);
  REQUIRE(on.reload().status == 0);
  auto second = on.client_at(port, on.proxy.secret());
  check_echo(second);
  check_echo(twin);
  check_echo(first);
}

TEST_CASE("reload: metrics move to another port") {
  const reloaded on;
  const std::string key = "metrics_port = ";
  const auto before =
      static_cast<std::uint16_t>(std::stoi(on.first.substr(on.first.find(key) + key.size())));
  const auto port = free_port();
  on.node().set_line("metrics_port", std::to_string(port));
  REQUIRE(on.reload().status == 0);
  CHECK(net::blocking_socket::connect("127.0.0.1", port, soon()));
  CHECK_FALSE(net::blocking_socket::connect("127.0.0.1", before, soon()));
  on.write("metrics_ip = \"0.0.0.0\"\n" + on.node().file());
  REQUIRE(on.reload().status == 0);
  CHECK(net::blocking_socket::connect("127.0.0.2", port, soon()));
}

}  // namespace
}  // namespace mtp::test
