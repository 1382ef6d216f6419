// `mtproto-proxy reload` and SIGHUP: a running proxy follows its file, all of it or nothing, and
// clients do not notice.
#include <csignal>
#include <sstream>
#include <thread>

#include "codecs/base/text.hpp"
#include "tests/e2e/reload_fixture.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("reload: nothing has changed, and it says so") {
  const reloaded on;
  const auto result = on.reload();
  CHECK(result.status == 0);
  CHECK(result.output == "nothing has changed\n");
}

TEST_CASE("reload: a new secret is for new clients, the others leave in time") {
  const reloaded on;
  auto client = on.proxy.client(secure_protocol());
  check_echo(client);
  const auto secret = net::random_array<16>();
  auto next = on.first;
  const auto known = to_hex(on.proxy.secret());
  next.replace(next.find(known), known.size(), to_hex(secret));

  on.write("drain_timeout_sec = 0\n" + next);
  const auto result = on.reload();
  CHECK(result.status == 0);
  CHECK(contains(result.output, "ports.test.secret: (secret) -> (secret)"));
  CHECK_FALSE(contains(result.output, known));
  auto other = on.client_at(on.proxy.port(), secret);
  check_echo(other);
  check_echo(client);

  on.write("drain_timeout_sec = 1\n" + next);
  CHECK(on.reload().status == 0);
  check_closed(client);
  check_echo(other);
}

TEST_CASE("reload: all or nothing") {
  const reloaded on;
  auto client = on.proxy.client(secure_protocol());
  const auto free = free_port();
  const auto secret = net::random_array<16>();
  const auto good_port = table_of("good", free, secret);

  SUBCASE("a value that is wrong") {
    on.write_with("max_connections = 0\n", good_port);
    const auto result = on.reload();
    CHECK(result.status == 1);
    CHECK(contains(result.output, "proxy.toml:1: max_connections"));
  }
  SUBCASE("a port that is taken") {
    on.write_with("ready_timeout_sec = 1\n",
                  good_port + table_of("taken", on.telegram.middle_proxy(2).port, secret));
    const auto result = on.reload();
    CHECK(result.status == 1);
    CHECK(contains(result.output, "taken: "));
  }
  SUBCASE("a metrics port that is taken") {
    on.write_with("ready_timeout_sec = 1\n", good_port);
    on.node().set_line("metrics_port", std::to_string(on.telegram.middle_proxy(2).port));
    const auto result = on.reload();
    CHECK(result.status == 1);
    CHECK(contains(result.output, std::to_string(on.telegram.middle_proxy(2).port)));
  }
  CHECK_FALSE(net::blocking_socket::connect("127.0.0.1", free, soon()));
  check_echo(client);
  auto later = on.proxy.client(secure_protocol());
  check_echo(later);
}

TEST_CASE("reload: what takes a restart is told, and the rest applies") {
  const reloaded on;
  on.write_with("reactors = 3\nallowed_protocols = [\"mtp_fake_tls\"]\n");
  const auto result = on.reload();
  INFO(result.output);
  CHECK(result.status == 0);
  CHECK(contains(result.output, "reactors: 0 -> 3 (restart)"));
  auto client = on.proxy.client(tls_protocol());
  check_echo(client);
  auto socket = on.proxy.connect();
  const auto header =
      make_obfuscated2(net::random_array<64>(), on.proxy.secret(), framing::padded, 2);
  REQUIRE(socket.send(header.header, soon()));
  check_closed(socket);
}

TEST_CASE("reload: a file for another role changes nothing until the restart") {
  const reloaded on;
  const auto client_is_served = [&] {
    auto client = on.proxy.client(secure_protocol());
    check_echo(client);
  };
  // Good for a back, but for this process it has neither ports nor a way to Telegram.
  on.write(
      "node_role = \"back\"\nstate_dir = \"state\"\n"
      "[node_link]\ntransport = \"plain\"\ncluster_cookie = \"0123456789abcdef\"\n"
      "listen = \"127.0.0.1:1\"\n");
  const auto result = on.reload();
  INFO(result.output);
  CHECK(result.status == 0);
  CHECK(contains(result.output, "-> \"back\" (restart)"));
  CHECK(contains(result.output, "log_level: \"debug\" -> \"info\" (restart)"));
  CHECK_FALSE(contains(result.output, "(at once)"));
  client_is_served();
  on.write(on.first);
  CHECK(on.reload().output == "nothing has changed\n");
  client_is_served();
}

TEST_CASE("reload: Telegram's configuration comes from the new address") {
  reloaded on;
  fake_telegram moved{{.dcs = {2}}};
  auto& node = on.proxy.telegram_side();
  auto client = on.proxy.client(secure_protocol());
  node.set_line("proxy_secret_url", '"' + moved.secret_url() + '"');
  node.set_line("proxy_config_url", '"' + moved.config_url() + '"');
  const auto result = node.reload();
  INFO(result.output);
  REQUIRE(result.status == 0);
  // Connections that are there stay; those that are made now go by the new list.
  CHECK(eventually(
      [&] {
        on.telegram.close_conns(2);
        return moved.conns(2) > 0;
      },
      patience));
  auto later = on.proxy.client(secure_protocol());
  check_echo(later);
  CHECK(moved.clients(2) > 0);
}

TEST_CASE("reload: a port has its own protocols") {
  const reloaded on;
  const auto port = free_port();
  const auto secret = net::random_array<16>();
  on.write_with("", table_of("dd", port, secret) + "allowed_protocols = [\"mtp_secure\"]\n");
  REQUIRE(on.reload().status == 0);
  auto client = on.client_at(port, secret);
  check_echo(client);
  auto everything = on.proxy.client(abridged_protocol());
  check_echo(everything);
  auto socket = net::blocking_socket::connect("127.0.0.1", port, soon());
  REQUIRE(socket);
  const auto header = make_obfuscated2(net::random_array<64>(), secret, framing::abridged, 2);
  REQUIRE(socket->send(header.header, soon()));
  check_closed(*socket);
}

TEST_CASE("reload: limits and time-outs count for connections that are there") {
  const reloaded on;
  auto first = on.proxy.client(secure_protocol());
  check_echo(first);
  SUBCASE("max_connections") {
    on.write_with("max_connections = 1\ninit_timeout_sec = 1\n");
    REQUIRE(on.reload().status == 0);
    // It waits in the kernel's queue until the first one leaves.
    auto socket = on.proxy.connect();
    CHECK(on.node().wait_for_metric("accept_paused_total{listener=\"test\"}", 1));
    on.write(on.first);
    REQUIRE(on.reload().status == 0);
    auto second = make_client(std::move(socket), secure_protocol(), 2, on.proxy.secret());
    check_echo(second);
    check_echo(first);
  }
  SUBCASE("ready_timeout_sec") {
    on.write_with("ready_timeout_sec = 1\nhibernate_timeout_sec = 1\n");
    REQUIRE(on.reload().status == 0);
    check_closed(first);
  }
}

TEST_CASE("reload: SIGHUP does the same, and tells the log") {
  const reloaded on;
  on.write_with("max_connections = 77\n");
  on.proxy.signal(SIGHUP);
  CHECK(on.node().wait_for_output("reload: max_connections: 64000 -> 77 (at once)"));
  on.write_with("max_connections = nonsense\n");
  on.proxy.signal(SIGHUP);
  CHECK(on.node().wait_for_output("reload: the configuration is left as it was"));
}

}  // namespace
}  // namespace mtp::test
