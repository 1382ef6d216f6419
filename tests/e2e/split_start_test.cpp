// Nodes that start in any order, and what a front says when it can't have its back.
#include <fcntl.h>
#include <sys/socket.h>

#include "net/loop/socket_address.hpp"
#include "tests/e2e/split_nodes.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

TEST_CASE(
    "split: a front without a back listens; who comes waits, and is served when it is there") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& back = nodes.add_back();
  auto& front = nodes.add_front();
  front.start();
  auto client = front.client();
  const auto packet = random_packet(64);
  REQUIRE(client.send(packet, false, soon()));
  CHECK(front.wait_for_output("back " + back.address()));
  const auto connected = "link_connected{back=\"" + back.address() + "\"}";
  CHECK(front.wait_for_metric(connected, 0));
  back.start();
  const auto got = client.receive(soon());
  CHECK(front.wait_for_metric(connected, 1));
  CHECK(back.wait_for_metric("link_fronts", 1));
  REQUIRE(got);
  CHECK(got->packet == packet);
  CHECK(sum_of(front.metrics(), "no_dc_total") == 0);
}

TEST_CASE("split: a client is closed after a bounded time if no back comes, and counted") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  nodes.add_back();
  auto& front = nodes.add_front("front", {{.config = "dc_wait_timeout_sec = 1"}});
  front.start();
  auto client = front.client();
  REQUIRE(client.send(random_packet(64), false, soon()));
  const auto begun = std::chrono::steady_clock::now();
  check_closed(client);
  CHECK(std::chrono::steady_clock::now() - begun < 4s);
  INFO(front.output());
  CHECK(eventually([&] { return sum_of(front.metrics(), "no_dc_total{listener=\"test\"") == 1; },
                   patience));
  CHECK(front.program().running());
}

// -- why there is no back -----------------------------------------------------------------------

/// The front says it, once, and goes on.
void check_reason(test_front& front, const std::string& reason) {
  const bool told = front.wait_for_output(reason, 15s);
  INFO(front.output());
  CHECK(told);
  CHECK(front.count_in_output(reason) == 1);
  CHECK(front.program().running());
}

TEST_CASE("split: the log tells why the back can't be reached") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  SUBCASE("nobody listens") {
    auto& back = nodes.add_back();
    auto& front = nodes.add_front();
    front.start();
    check_reason(front, "back " + back.address() + ": 127.0.0.1:" + std::to_string(back.port()) +
                            ": Connection refused; trying again");
  }
  SUBCASE("no answer to TCP") {
    // A queue of connections that is full.
    const net::unique_fd listening{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto any = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0});
    REQUIRE(::bind(listening.get(), any.get(), any.size) == 0);
    REQUIRE(::listen(listening.get(), 0) == 0);
    const auto at = net::local_endpoint(listening.get());
    const auto address = net::to_socket_address(at);
    std::vector<net::unique_fd> filling;
    for (int i = 0; i < 4; ++i) {
      filling.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      static_cast<void>(::connect(filling.back().get(), address.get(), address.size));
    }
    front_options how;
    how.backs = {"back@" + to_string(at)};
    auto& front = nodes.add_front("front", how);
    front.start();
    check_reason(front, ": " + to_string(at) + ": no answer within 5 s");
  }
  SUBCASE("no answer to TLS") {
    const net::unique_fd listening{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto any = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0});
    REQUIRE(::bind(listening.get(), any.get(), any.size) == 0);
    REQUIRE(::listen(listening.get(), 16) == 0);
    front_options how;
    how.backs = {"back@" + to_string(net::local_endpoint(listening.get()))};
    auto& front = nodes.add_front("front", how);
    front.start();
    check_reason(front, "TCP is up, but TLS got no answer within 5 s");
  }
  SUBCASE("unknown host") {
    // In a network without a way out: nobody else is asked.
    if (const auto lack = network_namespace::missing(); !lack.empty())
      return skip("no network of our own: " + lack);
    const network_namespace lonely;
    front_options how;
    how.network = &lonely;
    how.backs = {"back@no-such-host.invalid:9199"};
    auto& front = nodes.add_front("front", how);
    front.start();
    check_reason(
        front,
        "back back@no-such-host.invalid:9199: no-such-host.invalid: can't find its address: ");
  }
}

TEST_CASE("split: the log tells which check of a certificate failed, on both ends") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  const certificate_authority stranger{nodes.directory(), "stranger"};
  std::string at_front;
  std::string at_back;
  back_options back_how;
  front_options front_how;
  SUBCASE("the front's is from another CA") {
    front_how.files = stranger.issue("front", {.name = "front"});
    front_how.files->ca = nodes.authority().file();
    at_front = "it does not trust the CA of our certificate";
    at_back = "its certificate is from a CA that we do not trust";
  }
  SUBCASE("the back's is from another CA") {
    back_how.files = stranger.issue("back", {.name = "back"});
    back_how.files->ca = nodes.authority().file();
    at_front = "its certificate is from a CA that we do not trust";
    at_back = "it does not trust the CA of our certificate";
  }
  SUBCASE("the front's name is not allowed") {
    back_how.allowed = {"front2", "front3"};
    at_front = "it does not allow the name of our certificate, \"front\"";
    at_back = "its name, \"front\", is not allowed here";
  }
  SUBCASE("the back has another name") {
    back_how.files = nodes.authority().issue("back", {.name = "other"});
    at_front = "its name is \"other\", expected \"back\"";
    at_back = "it expects another name than our certificate's, \"other\"";
  }
  SUBCASE("the front's has expired") {
    front_how.files = nodes.authority().issue(
        "front", {.name = "front", .usage = key_usage::both, .until = std::chrono::seconds{2}});
    at_front = "it says that our certificate has expired";
    at_back = "its certificate has expired";
  }
  SUBCASE("the back's has expired") {
    back_how.files = nodes.authority().issue(
        "back", {.name = "back", .usage = key_usage::both, .until = std::chrono::seconds{3}});
    at_front = "its certificate has expired";
    at_back = "it says that our certificate has expired";
  }
  const auto begun = std::chrono::steady_clock::now();
  auto& back = nodes.add_back("back", back_how);
  auto& front = nodes.add_front("front", front_how);
  // Certificates of a few seconds are good when their node starts, and are not any more when they
  // are shown.
  const bool short_lived = at_front.find("expired") != std::string::npos;
  if (short_lived && back_how.files) {
    back.start();
    REQUIRE(eventually([&] { return std::chrono::steady_clock::now() > begun + 4s; }, 10s));
    front.start();
  } else {
    front.start();
    if (short_lived)
      REQUIRE(eventually([&] { return std::chrono::steady_clock::now() > begun + 3s; }, 10s));
    back.start();
  }
  check_reason(front, at_front);
  CHECK(back.wait_for_output("node link: refused 1 connection; the last one: "));
  INFO(back.output());
  CHECK(back.output().find(at_back) != std::string::npos);
  CHECK(front.count_in_output(": connected") == 0);
  CHECK(sum_of(back.metrics(), "link_refused_total") >= 1);
}

TEST_CASE("split: a node does not start with a certificate that can't work, and says why") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  std::string why;
  certificate_options how{.name = "front"};
  SUBCASE("expired") {
    how.from = -std::chrono::hours{2};
    how.until = -std::chrono::hours{1};
    why = "the certificate expired on";
  }
  SUBCASE("not yet valid") {
    how.from = std::chrono::hours{1};
    how.until = std::chrono::hours{2};
    why = "the certificate is not valid before";
  }
  SUBCASE("for servers") {
    how.usage = key_usage::server;
    why = "is not for a TLS client";
  }
  nodes.add_back();
  front_options options;
  options.files = nodes.authority().issue("front", how);
  auto& front = nodes.add_front("front", options);
  front.launch();
  CHECK(front.program().wait(10s) == 1);
  INFO(front.output());
  CHECK(front.count_in_output(why) >= 1);
}

TEST_CASE("split: cookies that differ are told on both ends; the same ones let a front in") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  const std::string ours = "cluster_cookie = \"0123456789abcdef-ours\"";
  const std::string theirs = "cluster_cookie = \"0123456789abcdef-theirs\"";
  back_options back_how;
  front_options front_how;
  std::string at_front;
  SUBCASE("they differ") {
    back_how.link = ours;
    front_how.link = theirs;
    at_front = "the back refuses: cluster_cookie differs";
  }
  SUBCASE("only the back has one") {
    back_how.link = ours;
    at_front = "the back refuses: only the back has a cluster_cookie";
  }
  SUBCASE("only the front has one") {
    front_how.link = theirs;
    at_front = "the back refuses: only the front has a cluster_cookie";
  }
  SUBCASE("they are the same") {
    back_how.link = ours;
    front_how.link = ours;
  }
  auto& back = nodes.add_back("back", back_how);
  auto& front = nodes.add_front("front", front_how);
  back.start();
  front.start();
  if (!at_front.empty()) {
    check_reason(front, at_front);
    CHECK(front.count_in_output(": connected") == 0);
    const std::string refuses = "the back refuses: ";
    CHECK(back.wait_for_output("front front is refused: " + at_front.substr(refuses.size())));
    CHECK(back.count_in_output("front front is refused: ") == 1);
    // Not even for a moment.
    CHECK(back.count_in_output("front front is connected") == 0);
    return;
  }
  REQUIRE(front.wait_until_connected());
  auto client = front.client();
  check_echo(client);
}

}  // namespace
}  // namespace mtp::test
