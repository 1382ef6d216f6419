// Starting and stopping: signals, ports that are taken, configurations that are wrong, ping.
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "codecs/base/text.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

struct run_result {
  int status = -1;
  std::string output;
};

/// Runs the program to its end.
run_result run(const std::vector<std::string>& arguments,
               const std::vector<std::string>& environment = {}) {
  const temporary_directory place;
  process program{
      MTP_PROXY_BINARY,
      {.arguments = arguments, .environment = environment, .output = place.path() / "output"}};
  const auto status = program.wait(20s);
  return {.status = status.value_or(-1), .output = program.output()};
}

bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("SIGTERM: clients are closed, Telegram is told of each, and the status is 0") {
  const fake_telegram telegram{{.dcs = {1, 2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  std::vector<net::proxy_client> clients;
  for (const auto& protocol : all_protocols())
    for (const dc_id dc : {dc_id{1}, dc_id{2}}) {
      clients.push_back(proxy.client(protocol, dc));
      check_echo(clients.back());
    }
  // A front tells its back, which has to be there.
  proxy.program().signal(SIGTERM);
  for (auto& client : clients)
    check_closed(client);
  REQUIRE(proxy.program().wait(5s) == 0);
  CHECK(eventually([&] { return telegram.closed_clients(1) + telegram.closed_clients(2) == 8; },
                   patience));
  proxy.signal(SIGTERM);
  const auto status = proxy.wait(5s);
  REQUIRE(status);
  CHECK(*status == 0);
  CHECK(telegram.closed_clients(1) + telegram.closed_clients(2) == 8);
  CHECK(telegram.complaints().empty());
}

TEST_CASE("SIGTERM with every DC dead and a fetch under way still ends in time") {
  fake_telegram telegram{{.dcs = {1, 2}}};
  telegram.set_dc_dead(1, true);
  telegram.set_dc_silent(2, true);
  proxy_under_test proxy{{.telegram = &telegram}};
  auto client = proxy.client(secure_protocol(), 1);
  REQUIRE(client.send(random_packet(64), false, soon()));
  proxy.signal(SIGTERM);
  const auto status = proxy.wait(6s);
  REQUIRE(status);
  CHECK(*status == 0);
}

/// A process one of whose parts hangs for ever: on a file that nobody writes.
test_node& make_it_hang(proxy_under_test& proxy) {
  auto& node = proxy.telegram_side();
  node.kill();
  const auto file = node.state() / "proxy-secret";
  std::filesystem::create_directories(file.parent_path());
  std::filesystem::remove(file);
  REQUIRE(mkfifo(file.c_str(), 0600) == 0);
  node.start();
  return node;
}

TEST_CASE("a second signal ends it at once") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "stop_timeout_sec = 600", .telegram = &telegram}};
  auto& node = make_it_hang(proxy);
  node.program().signal(SIGTERM);
  // The tree gives up what hangs after 4 s; from then on only the process is left to end.
  std::chrono::milliseconds wait{1000};
  SUBCASE("while the tree stops") {}
  SUBCASE("when the tree has ended") {
    wait = 6s;
  }
  CHECK_FALSE(node.program().wait(wait));
  node.program().signal(SIGTERM);
  const auto status = node.program().wait(2s);
  REQUIRE(status);
  CHECK(*status == 1);
  CHECK(contains(node.output(), "second signal: ending at once"));
}

TEST_CASE("what hangs does not keep it from ending within stop_timeout_sec") {
  const fake_telegram telegram{{.dcs = {2}}};
  // Before and after supervisors give up a child that does not end (2 s, and 2 s more to be
  // killed).
  int limit = 0;
  SUBCASE("a short one") {
    limit = 1;
  }
  SUBCASE("the default") {
    limit = 5;
  }
  proxy_under_test proxy{
      {.config = "stop_timeout_sec = " + std::to_string(limit), .telegram = &telegram}};
  auto& node = make_it_hang(proxy);
  node.program().signal(SIGTERM);
  const auto status = node.program().wait(std::chrono::seconds{limit + 3});
  REQUIRE(status);
  CHECK(*status == 1);
  CHECK(contains(node.output(), "not everything ended within " + std::to_string(limit) + " s"));
}

TEST_CASE("the number of files that may be open is raised, reported, and respected") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test few{
      {.max_open_files = open_files{.soft = 64, .hard = 600}, .telegram = &telegram}};
  CHECK(contains(few.client_side().output(),
                 "only 600 files may be open: 300 clients a port at most"));
  proxy_under_test enough{{.config = "max_connections = 100",
                           .max_open_files = open_files{.soft = 64, .hard = 2000},
                           .telegram = &telegram}};
  CHECK(contains(enough.client_side().output(), "2000 files may be open: enough for 100 clients"));
}

TEST_CASE("a port served by another process is refused with its name") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test first{{.telegram = &telegram}};
  const auto second = run({"-p", std::to_string(first.port()), "-s", std::string(32, 'a')});
  CHECK(second.status == 1);
  CHECK(contains(second.output, "0.0.0.0:" + std::to_string(first.port()) +
                                    " is already served by another process"));
  auto client = first.client(secure_protocol());
  check_echo(client);
}

TEST_CASE("check-config tells file, line, key and what would be right") {
  const temporary_directory place;
  const auto file = (place.path() / "c.toml").string();
  const auto check = [&](const std::string& text) {
    std::ofstream{file} << text;
    return run({"check-config", "-c", file});
  };
  const std::string port = "[[ports]]\nport = 443\nsecret = \"00112233445566778899aabbccddeeff\"\n";
  CHECK(check(port).status == 0);

  const auto wrong_type = check("max_connections = \"many\"\n" + port);
  CHECK(wrong_type.status == 1);
  CHECK(contains(
      wrong_type.output,
      file + ":1: max_connections: expected a whole number of at least 1, found \"many\""));

  const auto unknown = check(port + "pot = 1\n");
  CHECK(unknown.status == 1);
  CHECK(contains(unknown.output, file + ":4: ports[0].pot: is not a known option"));

  const auto bad_secret = check("[[ports]]\nport = 443\nsecret = \"dd112233\"\n");
  CHECK(bad_secret.status == 1);
  CHECK(contains(bad_secret.output, file + ":3: ports[0].secret: expected 32 hexadecimal digits"));
  CHECK_FALSE(contains(bad_secret.output, "dd112233"));

  CHECK(check("").status == 1);
  CHECK(check("a = \n" + port).status == 1);
  CHECK(run({"check-config", "-c", file + ".absent"}).status == 1);
}

TEST_CASE("the command line and the environment of the original's start.sh") {
  const std::string secret(32, 'a');
  const std::string tag(32, 'b');
  CHECK(run({"check-config", "-p", "443", "-s", secret}).status == 0);
  CHECK(
      run({"check-config", "-p", "443", "-s", secret, "-t", tag, "-a", "dd", "-a", "tls"}).status ==
      0);
  CHECK(run({"check-config"}, {"MTP_PORT=443", "MTP_SECRET=" + secret, "MTP_TAG=" + tag,
                               "MTP_DD_ONLY=t", "MTP_TLS_ONLY=t"})
            .status == 0);
  CHECK(contains(run({"check-config", "-p", "443", "-s", secret, "-d"}).output, "deprecated"));

  CHECK(run({"check-config", "-p", "443"}).status == 1);
  CHECK(run({"check-config", "-p", "0", "-s", secret}).status == 1);
  CHECK(run({"check-config", "-p", "65536", "-s", secret}).status == 1);
  CHECK(run({"check-config", "-p", "443", "-s", "dd" + secret}).status == 1);
  CHECK(run({"check-config", "-p", "443", "-s", secret, "-t", "short"}).status == 1);
  CHECK(run({"check-config", "-p", "443", "-s", secret, "-a", "http"}).status == 2);
  CHECK(run({"--no-such-option"}).status == 2);
  CHECK(run({"--help"}).status == 0);
}

TEST_CASE("ping measures the proxy by any link, and its status tells the result") {
  fake_telegram telegram{{.dcs = {1, 2, -2}}};
  proxy_under_test proxy{{.config = "dc_wait_timeout_sec = 1", .telegram = &telegram}};
  const auto link = [&](secret_kind kind, const std::string& domain) {
    return format_tg_link({.server = "127.0.0.1",
                           .port = proxy.port(),
                           .secret = {.kind = kind, .key = proxy.secret(), .domain = domain}});
  };
  for (const auto& text : {link(secret_kind::classic, ""), link(secret_kind::padded, ""),
                           link(secret_kind::fake_tls, "example.com")}) {
    const auto result = run({"ping", text, "--dc", "1,2,-2", "--repeat", "2"});
    INFO(result.output);
    CHECK(result.status == 0);
    CHECK(contains(result.output, "(3/3 DCs)"));
  }
  const auto all = run({"ping", link(secret_kind::classic, ""), "--dc", "2", "--proto",
                        "normal,abridged,secure,fake-tls", "-v"});
  INFO(all.output);
  CHECK(all.status == 0);

  telegram.set_dc_dead(1, true);
  const auto partly =
      run({"ping", link(secret_kind::padded, ""), "--dc", "1,2", "--timeout", "4000"});
  CHECK(partly.status == 1);
  CHECK(contains(partly.output, "(1/2 DCs)"));
  CHECK(run({"ping", "https://example.com/"}).status == 2);
  CHECK(run({"ping"}).status == 2);
}

TEST_CASE("ping takes an IPv6 server with brackets and without, in any spelling of a link") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.listen_ip = "::1", .telegram = &telegram}};
  const auto query = [&](const std::string& server) {
    return "?server=" + server + "&amp;port=" + std::to_string(proxy.port()) + "&secret=dd" +
           to_hex(proxy.secret());
  };
  for (const auto& link : {"tg://proxy" + query("::1"), "tg:proxy" + query("[::1]"),
                           " HTTPS://T.me/Proxy/" + query("%5B%3A%3A1%5D") + "#x\n"}) {
    const auto result = run({"ping", link, "--dc", "2"});
    INFO(result.output);
    CHECK(result.status == 0);
    CHECK(contains(result.output, "Proxy   : [::1]:" + std::to_string(proxy.port()) + '\n'));
  }
}

}  // namespace
}  // namespace mtp::test
