// The transports for tunnels and closed networks, where a cookie is what nodes know each other by.
#include <sys/socket.h>

#include <algorithm>

#include "codecs/base/text.hpp"
#include "net/loop/entropy.hpp"
#include "tests/e2e/rogue_node.hpp"
#include "tests/support/delay_relay.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

const std::string cookie = "cluster_cookie = \"0123456789abcdef-ours\"";

/// Both nodes with that transport and those cookies.
class joined {
 public:
  joined(const std::string& transport, const std::string& at_back, const std::string& at_front) {
    back_options back_how;
    back_how.transport = transport;
    back_how.link = at_back;
    nodes.add_back("back", back_how);
    front_options front_how;
    front_how.transport = transport;
    front_how.link = at_front;
    nodes.add_front("front", front_how);
  }
  [[nodiscard]] test_back& back() { return nodes.back(); }
  [[nodiscard]] test_front& front() { return nodes.front(); }

  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
};

void check_echoes(const std::string& transport) {
  joined on{transport, cookie, cookie};
  on.nodes.start_all();
  std::vector<net::proxy_client> clients;
  for (const auto& protocol : all_protocols()) {
    clients.push_back(on.front().client(protocol));
    check_echo(clients.back());
  }
  // More than a blob, and than a message between nodes carries at once.
  check_echo(clients.front(), std::size_t{512} * 1024);
  CHECK(on.back().count_in_output("front front is connected") == 1);
  CHECK(on.front().count_in_output(": connected (build") == 1);
}

void check_restart(const std::string& transport) {
  joined on{transport, cookie, cookie};
  on.nodes.start_all();
  auto idle = on.front().client();
  check_echo(idle);
  on.back().kill();
  REQUIRE(on.front().wait_for_output(": the connection is lost"));
  CHECK(on.front().count_in_output(": the connection is lost") == 1);
  // A client that comes meanwhile waits.
  auto waiting = on.front().client();
  const auto packet = random_packet(64);
  REQUIRE(waiting.send(packet, false, soon()));
  on.back().start();
  REQUIRE(on.front().wait_until_connected(2));
  const auto got = waiting.receive(soon());
  REQUIRE(got);
  CHECK(got->packet == packet);
  check_echo(idle);
}

void let_pass(std::chrono::milliseconds span) {
  const auto until = std::chrono::steady_clock::now() + span;
  while (std::chrono::steady_clock::now() < until)
    pause_briefly();
}

/// One line on either side says so, however often the front tries.
void check_cookies(const std::string& transport) {
  joined on{transport, cookie, "cluster_cookie = \"0123456789abcdef-theirs\""};
  on.back().start();
  on.front().start();
  const bool told =
      on.front().wait_for_output("the back refuses: cluster_cookie differs; trying again");
  INFO(on.front().output());
  CHECK(told);
  CHECK(on.back().wait_for_output("front front is refused: cluster_cookie differs"));
  // It tries on, at least four times in this while.
  let_pass(1500ms);
  CHECK(on.back().count_in_output("front front is refused") == 1);
  CHECK(on.front().count_in_output("cluster_cookie") == 1);
  CHECK(on.front().count_in_output(": connected (build") == 0);
  CHECK(on.back().count_in_output("is connected (build") == 0);
  // The cookies are nowhere to be read.
  for (const auto& text : {on.front().output(), on.back().output()})
    CHECK(text.find("0123456789abcdef") == std::string::npos);
}

TEST_CASE("split: plain: clients of every protocol are served") {
  check_echoes("plain");
}

TEST_CASE("split: caf-openssl: clients of every protocol are served") {
  check_echoes("caf-openssl");
}

TEST_CASE("split: plain: the back is killed and comes back; who was idle stays") {
  check_restart("plain");
}

TEST_CASE("split: caf-openssl: the back is killed and comes back; who was idle stays") {
  check_restart("caf-openssl");
}

TEST_CASE("split: plain: a wrong cookie is refused, and both ends say so once") {
  check_cookies("plain");
}

TEST_CASE("split: caf-openssl: a wrong cookie is refused, and both ends say so once") {
  check_cookies("caf-openssl");
}

TEST_CASE("split: two entries of back_nodes that lead to one node: the first one is served") {
  std::string transport;
  std::size_t losses = 0;
  SUBCASE("plain") {
    transport = "plain";
  }
  SUBCASE("caf-openssl") {
    transport = "caf-openssl";
    // The end of the second connection may end the first one (ADR 11), but not again and again.
    losses = 1;
  }
  joined on{transport, cookie, cookie};
  on.back().start();
  // The other way is longer: it comes second.
  const delay_relay detour{{.ip = ip_address::v4({127, 0, 0, 1}), .port = on.back().port()}, 100ms};
  const auto other = "other@127.0.0.1:" + std::to_string(detour.port());
  front_options how;
  how.transport = transport;
  how.link = cookie;
  how.backs = {on.back().address(), other};
  auto& front = on.nodes.add_front("twice", how);
  front.start();
  REQUIRE(front.wait_until_connected());
  auto client = front.client();
  check_echo(client);
  const auto why =
      "back " + other + ": it is the same node as back " + on.back().address() + "; trying again";
  const bool told = front.wait_for_output(why);
  INFO(front.output());
  CHECK(told);
  // Longer than the usual pauses between attempts.
  let_pass(2s);
  check_echo(client);
  CHECK(front.count_in_output(why) == 1);
  CHECK(front.count_in_output(": connected (build") <= 1 + losses);
  CHECK(front.count_in_output("connection is lost") <= losses);
  CHECK(on.back().count_in_output("its session ends") <= losses);
  CHECK(on.back().count_in_output("front twice is connected") <= 1 + losses);
}

TEST_CASE("split: plain, caf-openssl: a node without a cookie does not start, and says why") {
  std::string transport;
  SUBCASE("plain") {
    transport = "plain";
  }
  SUBCASE("caf-openssl") {
    transport = "caf-openssl";
  }
  joined on{transport, "", ""};
  for (auto* const node :
       {static_cast<test_node*>(&on.back()), static_cast<test_node*>(&on.front())}) {
    node->launch();
    CHECK(node->program().wait(10s) == 1);
    INFO(node->output());
    CHECK(node->count_in_output("node_link.cluster_cookie") == 1);
  }
}

TEST_CASE("split: plain: what a stranger without the cookie says is not in the log") {
  joined on{"plain", cookie, cookie};
  on.nodes.start_all();
  auto client = on.front().client();
  check_echo(client);
  rogue_front stranger{on.back()};
  const auto before = on.back().output().size();
  for (int i = 0; i < 1000; ++i)
    stranger.babble("babble \x1b[2J" + std::string(1000, 'x'));
  // The answer comes when the gateway has been through all of it.
  const auto answer = stranger.say_hello(stranger.make_hello());
  REQUIRE(answer);
  CHECK(answer->reason == "only the back has a cluster_cookie");
  check_echo(client);
  INFO(on.back().output().substr(before, 1000));
  CHECK(on.back().count_in_output("babble") == 0);
  // That it was refused, and what else there was to say: no line for each.
  CHECK(on.back().output().size() - before < 10'000);
}

TEST_CASE("split: plain: strangers at the port do not disturb the link that there is") {
  if (const auto lack = missing_proc(); !lack.empty()) return skip(lack);
  joined on{"plain", cookie, cookie};
  on.nodes.start_all();
  auto client = on.front().client();
  check_echo(client);
  auto noise = random_packet(4096);
  const std::string http = "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
  // A header of BASP's whose message would be 4 GB, and a TLS client's beginning.
  bytes huge(512);
  huge[0] = 1;
  for (std::size_t i = 4; i < 8; ++i)
    huge[i] = 0xff;
  const bytes tls{22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
  std::vector<net::blocking_socket> silent;
  const auto connect = [&] {
    auto socket = net::blocking_socket::connect("127.0.0.1", on.back().port(), soon());
    REQUIRE(socket);
    return std::move(*socket);
  };
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 10; ++i)
      silent.push_back(connect());
    for (const auto& said : {to_bytes(as_bytes(http)), noise, huge, tls}) {
      auto socket = connect();
      static_cast<void>(socket.send(said, soon()));
      // Some wait for an answer that never comes, and some leave.
      if (round % 2 == 0) silent.push_back(std::move(socket));
      check_echo(client);
    }
    net::fill_random(noise);
  }
  const auto cost_before = cpu_time(on.back().program().pid());
  let_pass(1s);
  CHECK(cpu_time(on.back().program().pid()) - cost_before < 200ms);
  check_echo(client);
  CHECK(on.front().count_in_output(": connected (build") == 1);
  CHECK(on.front().count_in_output("connection is lost") == 0);
  // Another one still gets in.
  front_options how;
  how.transport = "plain";
  how.link = cookie;
  auto& late = on.nodes.add_front("late", how);
  late.start();
  REQUIRE(late.wait_until_connected());
  auto another = late.client();
  check_echo(another);
  check_echo(client);
  // Strangers are closed in time, and nodes stay.
  CHECK(eventually(
      [&] {
        return std::ranges::all_of(silent, [&](const auto& socket) {
          ssize_t size = 0;
          while ((size = ::recv(socket.fd(), noise.data(), noise.size(), 0)) > 0) {
          }
          return size == 0 || errno != EAGAIN;
        });
      },
      7s));
  CHECK(on.back().metric("link_refused_total{reason=\"timed_out\"}") > 0);
  check_echo(another);
  check_echo(client);
  CHECK(on.front().count_in_output(": connected (build") == 1);
  CHECK(late.count_in_output(": connected (build") == 1);
}

}  // namespace
}  // namespace mtp::test
