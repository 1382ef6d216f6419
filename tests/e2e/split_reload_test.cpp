// What changes while nodes run: the fronts that may come, certificates, and the clock.
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "tests/e2e/load_client.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE("split: a name taken off allowed_nodes: its session ends at SIGHUP, others go on") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  back_options how;
  how.allowed = {"one", "other"};
  auto& back = nodes.add_back("back", how);
  auto& front = nodes.add_front("one");
  auto& other = nodes.add_front("other");
  nodes.start_all();
  tally seen;
  auto clients = idle_clients({.port = front.port(), .secret = front.secret()}, 1, 10, seen);
  tally other_seen;
  auto others = idle_clients({.port = other.port(), .secret = other.secret()}, 100, 10, other_seen);

  back.allow({"other"});
  back.program().signal(SIGHUP);
  CHECK(back.wait_for_output("one is not among allowed_nodes any more: cut off"));
  CHECK(eventually([&] { return telegram.closed_clients(2) == 10; }, 5s));
  CHECK(front.wait_for_output("it does not allow the name of our certificate, \"one\""));
  CHECK(front.count_in_output(": connected (build") == 1);
  for (auto& client : others)
    client.echo();
  CHECK(other_seen.echoes == 20);
  CHECK(other.count_in_output(": connected (build") == 1);

  // Allowed again within the grace: its clients are still there.
  back.allow({"other", "one"});
  back.program().signal(SIGHUP);
  REQUIRE(front.wait_until_connected(2, 15s));
  for (auto& client : clients)
    client.echo();
  CHECK(seen.echoes == 20);
  CHECK(seen.idle_closed == 0);
}

TEST_CASE("split: a configuration that is wrong changes nothing at SIGHUP") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& back = nodes.add_back();
  auto& front = nodes.add_front();
  nodes.start_all();
  auto client = front.client();
  check_echo(client);
  back.configure("allowed_nodes = 1\n", "");
  back.program().signal(SIGHUP);
  CHECK(back.wait_for_output("the configuration is left as it was"));
  check_echo(client);
  CHECK(front.count_in_output(": connected (build") == 1);
}

double clients_of(const test_back& back) {
  return back.metric("dc_num_upstreams{dc=\"2\"}");
}

TEST_CASE("split: another back in back_nodes: clients move there, and the first one is left") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& first = nodes.add_back("first");
  auto& second = nodes.add_back("second");
  front_options how;
  how.backs = {first.address()};
  how.config = "drain_timeout_sec = 12\n";
  auto& front = nodes.add_front("front", how);
  second.start();
  first.start();
  front.start();
  REQUIRE(front.wait_until_connected());
  const load_client::target to{.port = front.port(), .secret = front.secret()};
  tally seen;
  auto clients = idle_clients(to, 1, 20, seen);
  tally busy_seen;
  busy_clients busy{to, 1000, 5, busy_seen};
  REQUIRE(eventually([&] { return busy_seen.echoes > 100; }, patience));
  CHECK(clients_of(first) == 25);

  front.set_line("back_nodes", "[\"" + second.address() + "\"]");
  const auto result = front.reload();
  INFO(result.output);
  REQUIRE(result.status == 0);
  REQUIRE(front.wait_until_connected(2));
  tally later_seen;
  auto later = idle_clients(to, 2000, 5, later_seen);
  CHECK(clients_of(second) == 5);
  // What is quiet goes first; busy ones are left alone for as long as the file says.
  CHECK(second.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 25));
  CHECK(clients_of(first) == 5);
  CHECK(first.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 0));
  CHECK(front.wait_for_output("is not among back_nodes any more: left"));
  CHECK(first.wait_for_metric("link_fronts", 0));
  for (auto& client : clients)
    client.echo();
  CHECK(seen.echoes == 40);
  CHECK(seen.idle_closed == 0);
  busy.stop();
  CHECK(busy_seen.wrong == 0);
  CHECK(telegram.complaints().empty());
}

TEST_CASE("split: back_nodes names the same back otherwise: the link is made anew, clients stay") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& back = nodes.add_back();
  auto& front = nodes.add_front();
  nodes.start_all();
  tally seen;
  auto clients = idle_clients({.port = front.port(), .secret = front.secret()}, 1, 20, seen);
  front.set_line("back_nodes", "[\"back@localhost:" + std::to_string(back.port()) + "\"]");
  REQUIRE(front.reload().status == 0);
  REQUIRE(
      front.wait_for_output("back back@localhost:" + std::to_string(back.port()) + ": connected"));
  CHECK(front.count_in_output("is not among back_nodes any more: left") == 1);
  for (auto& client : clients)
    client.echo();
  CHECK(seen.echoes == 40);
  CHECK(seen.idle_closed == 0);
}

TEST_CASE("split: a back moves to another address and other files, and keeps its fronts") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  back_options at_back;
  at_back.allowed = {"front", "later"};
  auto& back = nodes.add_back("back", at_back);
  auto& front = nodes.add_front();
  nodes.start_all();
  auto client = front.client();
  check_echo(client);
  const auto files = nodes.authority().issue("other", {.name = "back", .usage = key_usage::server});
  const auto port = free_port();
  const auto address = "\"127.0.0.1:" + std::to_string(port) + '"';

  back.set_line("listen", address);
  back.set_line("certificate", "\"/nowhere/back.pem\"");
  const auto refused = back.reload();
  CHECK(refused.status == 1);
  CHECK(refused.output.find("/nowhere/back.pem") != std::string::npos);
  CHECK_FALSE(net::blocking_socket::connect("127.0.0.1", port, soon()));

  back.set_line("certificate", '"' + files.certificate + '"');
  back.set_line("key", '"' + files.key + '"');
  const auto result = back.reload();
  INFO(result.output);
  REQUIRE(result.status == 0);
  CHECK(result.output.find("-> " + files.key) == std::string::npos);
  CHECK_FALSE(net::blocking_socket::connect("127.0.0.1", back.port(), soon()));
  check_echo(client);
  CHECK(front.count_in_output(": connected (build") == 1);
  front_options how;
  how.backs = {"back@127.0.0.1:" + std::to_string(port)};
  auto& later = nodes.add_front("later", how);
  later.start();
  INFO(later.output());
  REQUIRE(later.wait_until_connected());
  auto another = later.client();
  check_echo(another);
}

TEST_CASE("split: another transport takes a restart, and what goes with it waits too") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  back_options at_back;
  at_back.transport = "plain";
  at_back.link = "cluster_cookie = \"0123456789abcdef\"\n";
  front_options at_front;
  at_front.transport = "plain";
  at_front.link = at_back.link;
  auto& back = nodes.add_back("back", at_back);
  auto& front = nodes.add_front("front", at_front);
  nodes.start_all();
  const auto files = nodes.authority().issue("later", {.name = "back", .usage = key_usage::server});
  back.set_line("transport", "\"tls\"\nallowed_nodes = [\"front\"]\ncertificate = \"" +
                                 files.certificate + "\"\nkey = \"" + files.key + "\"\nca = \"" +
                                 files.ca + '"');
  back.set_line("cluster_cookie", "\"another one, long enough\"");
  const auto result = back.reload();
  INFO(result.output);
  REQUIRE(result.status == 0);
  CHECK(result.output.find("(restart)") != std::string::npos);
  // A front that comes now is let in with the cookie as it was, and not without.
  auto client = front.client();
  check_echo(client);
  front.kill();
  front.start();
  REQUIRE(front.wait_until_connected());
}

/// Puts new files where a node looks for its own.
void renew(const net::tls_files& fresh, const net::tls_files& old) {
  std::filesystem::rename(fresh.key, old.key);
  std::filesystem::rename(fresh.certificate, old.certificate);
}

TEST_CASE("split: certificates are renewed without a restart") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  const auto begun = std::chrono::steady_clock::now();
  constexpr auto lifetime = 6s;
  const auto& authority = nodes.authority();
  back_options at_back;
  at_back.allowed = {"front", "later"};
  at_back.files = authority.issue("back", {.name = "back", .until = lifetime});
  front_options at_front;
  at_front.files = authority.issue("front", {.name = "front", .until = lifetime});
  auto& back = nodes.add_back("back", at_back);
  auto& front = nodes.add_front("front", at_front);
  nodes.start_all();
  auto client = front.client();
  check_echo(client);

  renew(authority.issue("back2", {.name = "back"}), *at_back.files);
  renew(authority.issue("front2", {.name = "front"}), *at_front.files);
  back.program().signal(SIGHUP);
  REQUIRE(
      eventually([&] { return std::chrono::steady_clock::now() > begun + lifetime + 1s; }, 10s));
  // The session stays, and a front that comes now is shown the new one.
  check_echo(client);
  CHECK(front.count_in_output(": connected (build") == 1);
  auto& later = nodes.add_front("later");
  later.start();
  INFO(later.output());
  REQUIRE(later.wait_until_connected());
  auto another = later.client();
  check_echo(another);
  // The front shows its new one when it dials again.
  back.kill();
  back.start();
  INFO(front.output());
  REQUIRE(front.wait_until_connected(2, 15s));
  check_echo(client);
}

#ifdef NDEBUG
/// libfaketime for programs with threads, wherever this architecture has it; empty if it is
/// nowhere. It is loaded in front of everything else, where sanitizers want to be.
std::string find_faketime() {
  for (const auto& entry : std::filesystem::directory_iterator{"/usr/lib"}) {
    const auto library = entry.path() / "faketime/libfaketimeMT.so.1";
    if (std::error_code ignored; std::filesystem::exists(library, ignored)) return library;
  }
  return {};
}

/// For a process that believes it is another time, by seconds.
std::vector<std::string> at_another_time(int seconds) {
  return {"LD_PRELOAD=" + find_faketime(),
          "FAKETIME=" + std::string{seconds < 0 ? "-" : "+"} + std::to_string(std::abs(seconds)),
          "DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_FAKE_MONOTONIC=1"};
}

bool can_fake_time() {
  if (!find_faketime().empty()) return true;
  skip("no libfaketime (scripts/packages.sh test)");
  return false;
}

/// By how much a node finds another one's clock ahead of its own.
int skew_told(const test_node& node, const std::string& whose) {
  const auto text = whose + ": its clock is ";
  REQUIRE(node.wait_for_output(text));
  const auto all = node.output();
  return std::atoi(all.c_str() + all.find(text) + text.size());
}

TEST_CASE("split: clocks that are 5 minutes apart: it works, and both ends say so") {
  if (!can_fake_time()) return;
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  int skew = 300;
  SUBCASE("ahead") {}
  SUBCASE("behind") {
    skew = -300;
  }
  auto& back = nodes.add_back();
  front_options how;
  how.environment = at_another_time(skew);
  auto& front = nodes.add_front("front", how);
  nodes.start_all();
  auto client = front.client();
  check_echo(client);
  CHECK(std::abs(skew_told(front, "back " + back.address()) + skew) <= 2);
  CHECK(std::abs(skew_told(back, "front front") - skew) <= 2);
}

TEST_CASE("split: a certificate that is not yet valid for the other end: both logs say so") {
  if (!can_fake_time()) return;
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& back = nodes.add_back();
  front_options how;
  how.environment = at_another_time(7200);
  how.files = nodes.authority().issue("front", {.name = "front", .from = 1h});
  auto& front = nodes.add_front("front", how);
  back.start();
  front.start();
  CHECK(front.wait_for_output(
      "it says that our certificate is not valid, or not yet (are both clocks right?)"));
  CHECK(back.wait_for_output("its certificate is not yet valid (are both clocks right?)"));
  INFO(front.output());
  CHECK(front.count_in_output(": connected") == 0);
}
#endif

}  // namespace
}  // namespace mtp::test
