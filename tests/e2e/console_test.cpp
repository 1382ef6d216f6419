// `mtproto-proxy console` against a running proxy: what it tells is true, and its socket does no
// harm.
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>

#include "net/loop/blocking_socket.hpp"
#include "net/loop/unix_listener.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

struct console_result {
  int status = -1;
  std::string output;
};

console_result console(std::vector<std::string> arguments) {
  const temporary_directory place;
  arguments.insert(arguments.begin(), "console");
  process program{MTP_PROXY_BINARY,
                  {.arguments = std::move(arguments), .output = place.path() / "output"}};
  const auto status = program.wait(30s);
  return {.status = status.value_or(-1), .output = program.output()};
}

std::string config_of(const proxy_under_test& proxy) {
  return proxy.client_side().config_file();
}

std::string socket_of(const test_node& node) {
  return (node.state() / "console.sock").string();
}
std::string socket_of(const proxy_under_test& proxy) {
  return socket_of(proxy.client_side());
}

/// The console opens right after the ports.
void wait_for_console(const proxy_under_test& proxy) {
  for (const auto* const node : proxy.nodes())
    REQUIRE(eventually([&] { return net::connect_unix(socket_of(*node)).has_value(); }, patience));
}

/// What a running proxy says to a command: of its nodes the one that knows.
std::string ask(const proxy_under_test& proxy, const std::string& command) {
  const bool about_telegram = command == "pools" || command == "conns";
  const auto& node = about_telegram ? proxy.telegram_side() : proxy.client_side();
  const auto result = console({"-c", node.config_file(), "-e", command});
  INFO(result.output);
  REQUIRE(result.status == 0);
  return result.output;
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// The words of each line.
std::vector<std::vector<std::string>> rows(const std::string& text) {
  std::vector<std::vector<std::string>> table;
  std::istringstream lines{text};
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words{line};
    table.emplace_back(std::istream_iterator<std::string>{words},
                       std::istream_iterator<std::string>{});
  }
  return table;
}

/// Those that start with `first`.
std::vector<std::vector<std::string>> rows(const std::string& text, const std::string& first) {
  auto matching = rows(text);
  std::erase_if(matching, [&](const auto& row) { return row.empty() || row[0] != first; });
  return matching;
}

bool has_row(const std::string& text, const std::vector<std::string>& row) {
  return std::ranges::count(rows(text), row) == 1;
}

TEST_CASE("console: hellos are told apart by their program, and by what became of them") {
  const fake_telegram telegram{{.dcs = {2}}};
  const proxy_under_test proxy{{.telegram = &telegram}};
  wait_for_console(proxy);
  for (int i = 0; i < 2; ++i) {
    auto client = proxy.client(tls_protocol());
    check_echo(client);
  }
  CHECK_FALSE(ask(proxy, "hellos").empty());
  const auto programs = rows(ask(proxy, "hellos"), "t13d1516h2_8daaf6152771_d8a2da3f94cd");
  REQUIRE(programs.size() == 1);
  CHECK(programs[0] == std::vector<std::string>{programs[0][0], "2", "0", "0"});
}

TEST_CASE("console: tree, pools, conns, clients and stats tell what is") {
  const fake_telegram telegram{{.dcs = {1, 2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  wait_for_console(proxy);
  REQUIRE(eventually([&] { return telegram.conns(1) == 2 && telegram.conns(2) == 2; }, patience));
  std::vector<net::proxy_client> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(proxy.client(secure_protocol(), 2));
    check_echo(clients.back());
  }
  const auto silent = proxy.connect();
  REQUIRE(proxy.wait_for_metric("connections_count{listener=\"test\"}", 4));

  // dc, conns, pending, clients, per conn, waiting
  const auto pools = ask(proxy, "pools");
  INFO(pools);
  CHECK(has_row(pools, {"1", "2", "0", "0", "0", "0"}));
  REQUIRE(rows(pools, "2").size() == 1);
  CHECK(rows(pools, "2")[0][1] == "2");
  CHECK(rows(pools, "2")[0][3] == "3");

  // dc, link, endpoint, reactor, state, clients, ...
  const auto conns = ask(proxy, "conns");
  INFO(conns);
  for (const auto* const dc : {"1", "2"}) {
    int on_conns = 0;
    for (const auto& row : rows(conns, dc)) {
      CHECK(row[2] == to_string(telegram.middle_proxy(static_cast<dc_id>(std::atoi(dc)))));
      CHECK(row[4] == "ready");
      on_conns += std::atoi(row[5].c_str());
    }
    CHECK(rows(conns, dc).size() == 2);
    CHECK(on_conns == (dc == std::string{"2"} ? 3 : 0));
  }

  const auto seen = ask(proxy, "clients");
  INFO(seen);
  CHECK(seen.starts_with("4 clients\n"));
  CHECK(has_row(seen, {"test", "mtp_secure", "2", "tunnel", "3"}));
  CHECK(has_row(seen, {"test", "-", "-", "handshake", "1"}));
  const auto count_addresses = [](const std::string& text) {
    return std::ranges::count_if(rows(text, "test"),
                                 [](const auto& row) { return row[1].starts_with("127.0.0.1:"); });
  };
  CHECK(count_addresses(seen) == 4);
  CHECK(count_addresses(ask(proxy, "clients 1")) == 1);
  CHECK(count_addresses(ask(proxy, "clients 0")) == 0);

  const auto tree = ask(proxy, "tree");
  INFO(tree);
  CHECK(has_row(tree, {"proxy_sup", "one_for_one"}));
  CHECK(has_row(tree, {"|-", "inspector", "permanent", "0"}));
  CHECK(contains(tree, "- listener_test_0 "));
  CHECK(contains(tree, "front_agent_0") == has_link_agents());
  const auto other_tree = console({"-c", proxy.telegram_side().config_file(), "-e", "tree"}).output;
  INFO(other_tree);
  CHECK(has_row(other_tree, {"|", "`-", "4", "x", "dc_conn", "temporary", "0"}));
  CHECK(has_row(other_tree, {"|", "`-", "dc_pool_2", "permanent", "0"}));

  const auto stats = ask(proxy, "stats");
  INFO(stats);
  CHECK(has_row(stats, {"mtproto_proxy_in_connection_total{listener=\"test\"}", "4"}));
  CHECK(has_row(
      stats, {"mtproto_proxy_protocol_ok_total{listener=\"test\",protocol=\"mtp_secure\"}", "3"}));

  const auto several = console({"--socket", socket_of(proxy), "-e", "pools;conns", "-e", "help"});
  CHECK(several.status == 0);
  for (const auto* const heading : {"== pools\n", "== conns\n", "== help\n"})
    CHECK(contains(several.output, heading));

  clients.clear();
  CHECK(eventually(
      [&] {
        return has_row(ask(proxy, "pools"), {"2", "2", "0", "0", "0", "0"});
      },
      patience));
}

TEST_CASE("console: a client that does not read, and a DC that is dead, can be seen") {
  fake_telegram telegram{{.dcs = {1, 2}}};
  telegram.set_dc_dead(1, true);
  proxy_under_test proxy{{.telegram = &telegram}};
  wait_for_console(proxy);
  auto client = proxy.client(secure_protocol(), 2);
  REQUIRE(client.send(
      encode(fake_command{.action = fake_command::code::bulk, .size = 64000, .count = 120}), false,
      soon()));
  CHECK(eventually(
      [&] {
        // Link agents stand between, and count for themselves.
        const auto seen = rows(ask(proxy, "clients"), "test");
        return !seen.empty() && seen.back().size() > 2 &&
               seen.back()[seen.back().size() - 2] != "0";
      },
      patience));
  CHECK(eventually(
      [&] {
        const auto conns = rows(ask(proxy, "conns"), "2");
        return std::ranges::any_of(conns, [](const auto& row) { return row[6] != "0"; });
      },
      patience));
  const auto refused = eventually(
      [&] {
        return contains(ask(proxy, "pools"),
                        to_string(telegram.middle_proxy(1)) + ": Connection refused");
      },
      patience);
  CHECK(refused);
}

TEST_CASE("console: the exit status tells an error of the proxy, wrong arguments, and no proxy") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  wait_for_console(proxy);
  const auto config = config_of(proxy);
  const auto unknown = console({"-c", config, "-e", "reboot"});
  CHECK(unknown.status == 1);
  CHECK(unknown.output == "error: there is no command \"reboot\"; try help\n");
  CHECK(console({"-c", config, "-e", "clients many; help"}).status == 1);

  CHECK(console({"-c", config}).status == 2);
  CHECK(console({"-c", config, "-e", " ; "}).status == 2);
  CHECK(console({"-c", config, "--what"}).status == 2);
  CHECK(console({"-c", config + ".absent", "-e", "pools"}).status == 2);
  CHECK(console({"--help"}).status == 0);

  proxy.signal(SIGTERM);
  REQUIRE(proxy.wait(10s) == 0);
  const auto nobody = console({"-c", config, "-e", "pools"});
  CHECK(nobody.status == 3);
  CHECK(contains(nobody.output, "no proxy answers at " + socket_of(proxy)));
  CHECK(contains(nobody.output, "Is it running"));
}

TEST_CASE(
    "console: the socket is its user's alone, goes with the proxy, and comes back after a crash") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  wait_for_console(proxy);
  const auto path = socket_of(proxy);
  const auto is_private = [&] {
    struct stat about {};
    return ::lstat(path.c_str(), &about) == 0 && S_ISSOCK(about.st_mode) &&
           (about.st_mode & 07777) == 0600;
  };
  CHECK(is_private());

  proxy.client_side().kill();
  CHECK(fs::exists(path));
  CHECK(console({"-c", config_of(proxy), "-e", "pools"}).status == 3);
  proxy.client_side().start();
  CHECK(eventually(
      [&] {
        return console({"--socket", path, "-e", "pools"}).status == 0;
      },
      patience));
  CHECK(is_private());

  proxy.program().signal(SIGTERM);
  REQUIRE(proxy.program().wait(10s) == 0);
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("console: a proxy that has to cut its stop short removes the socket, too") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "stop_timeout_sec = 1", .telegram = &telegram}};
  auto& node = proxy.telegram_side();
  node.kill();
  // A part that hangs for ever: on a file that nobody writes.
  const auto file = node.state() / "proxy-secret";
  fs::create_directories(file.parent_path());
  fs::remove(file);
  REQUIRE(mkfifo(file.c_str(), 0600) == 0);
  node.start();
  // It can be asked all the same.
  CHECK(eventually(
      [&] {
        return console({"-c", node.config_file(), "-e", "tree"}).status == 0;
      },
      patience));
  node.program().signal(SIGTERM);
  REQUIRE(node.program().wait(5s) == 1);
  CHECK_FALSE(fs::exists(socket_of(node)));
}

TEST_CASE("console: where it can't be had, the proxy works without it, and says why") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test first{{.telegram = &telegram}};
  wait_for_console(first);
  std::string path;
  std::string reason;
  SUBCASE("another proxy has it") {
    path = socket_of(first);
    reason = path + " is served by another process (" + std::to_string(first.program().pid()) + ")";
  }
  SUBCASE("there is no such directory, nor can there be") {
    path = config_of(first) + "/console.sock";
    reason = "can't make " + config_of(first);
  }
  proxy_under_test second{{.config = "console_socket = \"" + path + '"', .telegram = &telegram}};
  CHECK(second.wait_for_output("no console: " + reason));
  auto client = second.client(secure_protocol(), 2);
  check_echo(client);
  second.signal(SIGTERM);
  CHECK(second.wait(10s) == 0);
  // The first one's is left alone.
  CHECK(ask(first, "clients").starts_with("0 clients\n"));
}

TEST_CASE("console: it can be off") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "console_socket = \"\"", .telegram = &telegram}};
  auto client = proxy.client(secure_protocol(), 2);
  check_echo(client);
  CHECK_FALSE(fs::exists(socket_of(proxy)));
  const auto result = console({"-c", config_of(proxy), "-e", "pools"});
  CHECK(result.status == 3);
  CHECK(contains(result.output, "has no console: set console_socket"));
}

TEST_CASE("console: garbage, silence and haste at the socket do not disturb anybody") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  wait_for_console(proxy);
  auto client = proxy.client(secure_protocol(), 2);
  std::vector<net::blocking_socket> sockets;
  const auto connect = [&]() -> net::blocking_socket& {
    const auto path = socket_of(proxy);
    auto fd = net::connect_unix(path);
    REQUIRE(eventually(
        [&] {
          if (!fd) fd = net::connect_unix(path);
          return fd.has_value();
        },
        20s));
    return sockets.emplace_back(std::move(*fd));
  };
  // Four say nothing that can be answered: for a while there is no place for others.
  for (int i = 0; i < 2; ++i) {
    connect();
    static_cast<void>(connect().send(random_packet(100'000), soon()));
    static_cast<void>(connect().send(bytes(3, 0), soon()));
    static_cast<void>(connect().send(bytes(2000, '\n'), soon()));
    check_echo(client);
  }
  CHECK(contains(ask(proxy, "clients"), "1 client"));
  check_echo(client);
  // Silent ones are closed, as are the others.
  bytes buffer(65536);
  for (auto& socket : sockets) {
    auto got = socket.receive(buffer, soon());
    while (got && *got > 0)
      got = socket.receive(buffer, soon());
    CHECK((got || got.error() == "Connection reset by peer"));
  }
}

}  // namespace
}  // namespace mtp::test
