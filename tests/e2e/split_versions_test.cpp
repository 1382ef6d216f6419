// Two builds whose link versions differ: one release apart they work together, else neither works
// with the other, and both say why.
#include <caf/all.hpp>
#include <csignal>
#include <cstdlib>

#include "net/loop/unix_listener.hpp"
#include "tests/e2e/rogue_node.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t other_version = 77;
const link_offer other_offer{.highest = other_version, .lowest = other_version};
const std::string ours = describe_versions(link_offer{}) + " (build " MTP_VERSION ")";

TEST_CASE("split: a front of another version is refused, and both ends name both builds") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  back_options how;
  how.allowed = {"front", "rogue"};
  nodes.add_back("back", how);
  nodes.add_front();
  nodes.start_all();
  auto client = nodes.front().client();
  check_echo(client);

  rogue_front rogue{nodes.back(), nodes.authority().issue("rogue", {.name = "rogue"})};
  auto hello = rogue.make_hello();
  hello.offer = other_offer;
  hello.build = "9.9";
  const auto answer = rogue.say_hello(hello);
  REQUIRE(answer);
  CHECK(answer->verdict == link_answer::kind::refused);
  const auto why = "link versions differ: the front's is 77 (build 9.9), the back's " + ours +
                   "; use the same build on both";
  CHECK(answer->reason == why);
  CHECK(rogue.partner == nullptr);
  const bool told = nodes.back().wait_for_output("front rogue is refused: " + why);
  INFO(nodes.back().output());
  CHECK(told);
  CHECK(nodes.back().count_in_output("link versions differ") == 1);
  check_echo(client);
}

TEST_CASE("split: a back of another version gets no session, whatever it answers") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  link_answer said{.offer = other_offer, .build = "9.9", .name = "back"};
  SUBCASE("it refuses") {
    said.reason = "in words of its own";
  }
  SUBCASE("it asks for the cookie") {
    said.verdict = link_answer::kind::challenge;
  }
  SUBCASE("it welcomes us") {
    said.verdict = link_answer::kind::welcome;
  }
  rogue_back back{[&](const link_hello&) { return said; }};
  front_options how;
  how.transport = "plain";
  how.link = "cluster_cookie = \"0123456789abcdef\"";
  how.backs = {back.address()};
  auto& front = nodes.add_front("front", how);
  front.start();
  REQUIRE(eventually([&] { return back.accept(); }, patience));
  const bool told =
      front.wait_for_output("back " + back.address() + ": link versions differ: ours is " + ours +
                            ", the back's 77 (build 9.9); use the same build on "
                            "both; trying again");
  INFO(front.output());
  CHECK(told);
  CHECK(front.count_in_output(": connected (build") == 0);
  CHECK(front.count_in_output("link versions differ") == 1);
}

TEST_CASE("split: a back that is stopped tells its front so") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  nodes.add_back();
  nodes.add_front();
  nodes.start_all();
  CHECK(nodes.front().count_in_output("node: link version") == 0);
  nodes.back().program().signal(SIGTERM);
  const bool told = nodes.front().wait_for_output(
      "it ended the session; its log says: the back is stopping; trying again");
  INFO(nodes.front().output());
  CHECK(told);
}

// -- the release before ---------------------------------------------------------------------------

const std::string is_older = "; an older node: link version 3 is used, not 4";

/// A proxy of the release before this one, of link version 3: what MTP_OLD_PROXY in the environment
/// says, or what scripts/old_release.sh has built. Empty, and the test is skipped, if there is
/// none.
std::string old_proxy() {
  const char* const named = std::getenv("MTP_OLD_PROXY");
  const std::string path = named != nullptr ? named : MTP_OLD_PROXY_BINARY;
  if (named != nullptr || std::filesystem::exists(path)) return path;
  skip(
      "nodes one release apart: no proxy of the release before (scripts/old_release.sh builds it)");
  return {};
}

/// One node of this build and one of another, by each transport.
class mixed_nodes {
 public:
  mixed_nodes(const std::string& transport, const std::string& of_back,
              const std::string& of_front) {
    const std::string link = transport == "tls" ? "" : "cluster_cookie = \"0123456789abcdef-ours\"";
    back_options back_how;
    back_how.transport = transport;
    back_how.link = link;
    back_how.program = of_back;
    nodes.add_back("back", back_how);
    front_options front_how;
    front_how.transport = transport;
    front_how.link = link;
    front_how.program = of_front;
    nodes.add_front("front", front_how);
    nodes.start_all();
  }
  [[nodiscard]] test_back& back() { return nodes.back(); }
  [[nodiscard]] test_front& front() { return nodes.front(); }
  /// Clients are served, whatever they send, and go on with another session when the back has
  /// crashed.
  void check_service() {
    for (const auto& protocol : all_protocols()) {
      auto client = front().client(protocol);
      check_echo(client);
      check_echo(client, std::size_t{512} * 1024);
    }
    auto idle = front().client();
    check_echo(idle);
    const auto sessions = front().count_in_output(": connected (build");
    back().kill();
    back().start();
    REQUIRE(front().wait_until_connected(sessions + 1));
    check_echo(idle);
  }

  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
};

/// What `nodes` says on that node, or on another one that it asks.
std::string nodes_as_seen_by(const test_node& node, const std::vector<std::string>& more = {}) {
  // The console opens right after the ports.
  const auto socket = (node.state() / "console.sock").string();
  REQUIRE(eventually([&] { return net::connect_unix(socket).has_value(); }, patience));
  const temporary_directory place;
  process::options how{.arguments = {"console", "-c", node.config_file(), "-e", "nodes"},
                       .output = place.path() / "output"};
  how.arguments.insert(how.arguments.end(), more.begin(), more.end());
  process program{MTP_PROXY_BINARY, how};
  CHECK(program.wait(patience) == 0);
  return program.output();
}

const std::vector<std::string> transports{"tls", "plain", "caf-openssl"};

TEST_CASE("split: a back of the release before serves a front of this one") {
  const auto old = old_proxy();
  if (old.empty()) return;
  for (const auto& transport : transports) {
    CAPTURE(transport);
    mixed_nodes mixed{transport, old, {}};
    INFO(mixed.front().output());
    INFO(mixed.back().output());
    // The back refuses the first hello, as a build of version 3 does.
    CHECK(mixed.front().count_in_output(is_older) == 1);
    CHECK(mixed.back().count_in_output(" is refused: link versions differ") == 1);
    CHECK(nodes_as_seen_by(mixed.front()).find("(link version 3)") != std::string::npos);
    mixed.check_service();
    // The second session began without a question.
    CHECK(mixed.front().count_in_output(is_older) == 2);
    CHECK(mixed.back().count_in_output("is refused") == 0);
    // What crosses beside clients.
    CHECK(nodes_as_seen_by(mixed.front(), {"--node", "back"}).find("role back") !=
          std::string::npos);
  }
}

TEST_CASE("split: a front of the release before is served by a back of this one") {
  const auto old = old_proxy();
  if (old.empty()) return;
  for (const auto& transport : transports) {
    CAPTURE(transport);
    mixed_nodes mixed{transport, {}, old};
    INFO(mixed.front().output());
    INFO(mixed.back().output());
    CHECK(mixed.back().count_in_output(is_older) == 1);
    CHECK(nodes_as_seen_by(mixed.back()).find("(link version 3)") != std::string::npos);
    mixed.check_service();
    CHECK(mixed.back().count_in_output(is_older) == 1);
    CHECK(mixed.back().count_in_output("is refused") == 0);
    CHECK(mixed.front().count_in_output(": connected (build") == 2);
    CHECK(mixed.front().count_in_output("the back refuses") == 0);
  }
}

TEST_CASE("split: a back is upgraded under its front, and taken back") {
  const auto old = old_proxy();
  if (old.empty()) return;
  mixed_nodes mixed{"plain", old, {}};
  auto& back = mixed.back();
  auto& front = mixed.front();
  auto idle = front.client();
  check_echo(idle);
  const auto change_to = [&](const std::string& program) {
    const auto sessions = front.count_in_output(": connected (build");
    back.program().signal(SIGTERM);
    REQUIRE(back.program().wait(patience) == 0);
    back.run_from_now_on(program);
    back.start();
    INFO(front.output());
    REQUIRE(front.wait_until_connected(sessions + 1));
    check_echo(idle);
  };
  CHECK(front.count_in_output(is_older) == 1);
  change_to({});
  CHECK(front.count_in_output(is_older) == 1);
  CHECK(back.count_in_output("is refused") == 0);
  CHECK(front.count_in_output("its log says") == 0);
  change_to(old);
  CHECK(front.count_in_output(is_older) == 2);
  CHECK(front.count_in_output("it ended the session; its log says: the back is stopping") == 1);
  CHECK(front.count_in_output("the back refuses") == 0);
}

}  // namespace
}  // namespace mtp::test
