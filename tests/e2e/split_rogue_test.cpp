// A front with a right certificate that does not keep to the rules: it loses its session, the
// back's memory has bounds, and no other front notices.
#include <caf/all.hpp>

#include "tests/e2e/rogue_node.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

constexpr double mib = 1024.0 * 1024.0;

/// A back with a front whose client works all the while.
class rogue_fixture {
 public:
  rogue_fixture() {
    back_options how;
    how.allowed = {"front", "rogue"};
    nodes.add_back("back", how);
    nodes.add_front();
    nodes.start_all();
    client.emplace(nodes.front().client());
    check_echo(*client);
    files = nodes.authority().issue("rogue", {.name = "rogue"});
  }
  [[nodiscard]] test_back& back() { return nodes.back(); }
  /// The rogue's session has ended for that reason; the front's has not.
  void check_ended(const std::string& why) {
    const bool ended = back().wait_for_output(why);
    INFO(back().output());
    CHECK(ended);
    check_untouched();
  }
  void check_untouched() {
    check_echo(*client);
    CHECK(back().program().running());
    CHECK(nodes.front().count_in_output(": connected (build") == 1);
    CHECK(nodes.front().count_in_output("connection is lost") == 0);
  }

  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  net::tls_files files;
  std::optional<net::proxy_client> client;
};

stream::data packet_of(std::size_t size) {
  return {.packet = packet_buffer{random_packet(size)}};
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that uses a stream's number again") {
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  rogue.say_open(7);
  rogue.say_open(7);
  check_ended("it breaks the rules of a stream");
  CHECK(back().wait_for_metric("dc_num_upstreams{dc=\"2\"}", 1));
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that has taken what it was not sent") {
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  rogue.say_open(7);
  rogue.say({{7, packet_of(64)}}, std::uint64_t{1} << 40U);
  check_ended("what it says can't be read");
  CHECK(back().wait_for_metric("dc_num_upstreams{dc=\"2\"}", 1));
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front whose acks are of nothing") {
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  rogue.say_open(7);
  for (int i = 0; i < 1000; ++i)
    rogue.say({{7, stream::ack{0xffff'ffff, 0xffff'ffff}}, {99, stream::ack{1, 1}}});
  // Its stream is served as before, and others are. Data that comes before it is open is dropped.
  CHECK(eventually(
      [&] {
        rogue.say({{7, packet_of(64)}});
        return telegram.clients(2) == 2;
      },
      patience));
  check_untouched();
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that floods a stream beyond its credit") {
  const auto before = resident_memory(back().program().pid());
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  rogue.say_open(7);
  // Less than its own end of the link lets wait (net::max_unsent).
  for (int i = 0; i < 400; ++i)
    rogue.say({{7, packet_of(200'000)}});
  // Whichever limit it meets first: its credit, or what may wait for it of the answers that it does
  // not take.
  CHECK(eventually(
      [&] {
        const auto said = back().output();
        return said.find("it breaks the rules of a stream") != std::string::npos ||
               said.find("closing a client that does not read") != std::string::npos;
      },
      patience));
  check_untouched();
  const auto after = resident_memory(back().program().pid());
  MESSAGE("the back grew from ", before / mib, " to ", after / mib, " MiB");
#ifdef NDEBUG
  CHECK(after - before < 250 * mib);
#endif
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that floods what is of no stream") {
  const auto before = resident_memory(back().program().pid());
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  double most = 0;
  // 400 MiB.
  for (int i = 0; i < 2000; ++i) {
    rogue.say({{99, packet_of(200'000)}});
    if (i % 100 == 0) {
      check_echo(*client);
      most = std::max(most, resident_memory(back().program().pid()));
    }
  }
  CHECK(eventually(
      [&] {
        most = std::max(most, resident_memory(back().program().pid()));
        return rogue.connection->ended() || rogue.connection->sent() > 390'000'000;
      },
      60s));
  MESSAGE("the back grew from ", before / mib, " to at most ", most / mib, " MiB");
#ifdef NDEBUG
  CHECK(most - before < 150 * mib);
#endif
  check_untouched();
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that calls itself by another front's name") {
  rogue_front rogue{back(), files};
  auto hello = rogue.make_hello();
  hello.name = "front";
  const auto answer = rogue.say_hello(hello);
  REQUIRE(answer);
  const std::string why = R"(the front calls itself "front", but its certificate says "rogue")";
  CHECK(answer->verdict == link_answer::kind::refused);
  CHECK(answer->reason == why);
  CHECK(rogue.partner == nullptr);
  CHECK(back().wait_for_output("front rogue is refused: " + why));
  CHECK(rogue.begin());
  check_untouched();
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that says what nobody understands") {
  rogue_front rogue{back(), files};
  REQUIRE(rogue.begin());
  const auto before = back().output().size();
  for (int i = 0; i < 1000; ++i)
    rogue.babble("babble \x1b[2J" + std::string(1000, 'x'));
  // The answer comes when the gateway has been through all of it.
  CHECK(rogue.say_hello({}));
  check_untouched();
  INFO(back().output().substr(before, 1000));
  CHECK(back().count_in_output("babble") == 0);
  // That the hello was no good, and what else there was to say: no line for each.
  CHECK(back().output().size() - before < 10'000);
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that begins one session after another") {
  const auto before = resident_memory(back().program().pid());
  rogue_front rogue{back(), files};
  for (int i = 0; i < 300; ++i) {
    REQUIRE(rogue.begin());
    rogue.say_open(7);
    if (i % 50 == 0) check_echo(*client);
  }
  CHECK(back().wait_for_metric("dc_num_upstreams{dc=\"2\"}", 2));
  // Once each begins and once it ends, but for the last.
  CHECK(back().count_in_output("front rogue") <= 10);
  const auto after = resident_memory(back().program().pid());
  MESSAGE("the back grew from ", before / mib, " to ", after / mib, " MiB");
#ifdef NDEBUG
  CHECK(after - before < 50 * mib);
#endif
  check_untouched();
}

TEST_CASE_FIXTURE(rogue_fixture, "split: a rogue front that announces 4 GB, or speaks no BASP") {
  auto [fd, channel, remote] = dial_back(back(), files);
  bytes header(32);
  SUBCASE("4 GB") {
    header[0] = 1;
    for (std::size_t i = 4; i < 8; ++i)
      header[i] = 0xff;
  }
  SUBCASE("an empty handshake, which CAF would read") {
    header[0] = 1;
  }
  SUBCASE("no BASP") {
    header = random_packet(32);
    header[0] = 0xfe;
  }
  REQUIRE(channel->write(header).size == header.size());
  bytes into(65536);
  CHECK(eventually(
      [&, &tls = channel] { return tls->read(into).next == net::tls_progress::failed; }, patience));
  if (header[4] == 0xff && header[0] == 1)
    CHECK(back().wait_for_output(
        "node link: rogue: its connection ended: it announced a message of 4294967295 bytes"));
  CHECK(resident_memory(back().program().pid()) < 1024 * mib);
  check_untouched();
}

/// A front that goes to a rogue back, by TLS, and the reason why it does not stay there.
void check_disowned(const std::string& name, const std::string& cookie, const std::string& why) {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  rogue_back back{[&](const link_hello&) {
                    return link_answer{.verdict = link_answer::kind::welcome, .name = name};
                  },
                  nodes.authority().issue("back", {.name = "back", .usage = key_usage::server})};
  front_options how;
  how.link = cookie;
  how.backs = {back.address()};
  auto& front = nodes.add_front("front", how);
  front.start();
  REQUIRE(eventually([&] { return back.accept(); }, patience));
  const bool told = front.wait_for_output("back " + back.address() + ": " + why + "; trying again");
  INFO(front.output());
  CHECK(told);
  CHECK(front.count_in_output(": connected (build") == 0);
}

TEST_CASE("split: a rogue back that calls itself by another back's name") {
  check_disowned("other", "", R"(the back calls itself "other", but its certificate says "back")");
}

TEST_CASE("split: a rogue back that welcomes whoever has a cookie, and has none") {
  check_disowned("back", "cluster_cookie = \"0123456789abcdef\"", "cluster_cookie differs");
}

}  // namespace
}  // namespace mtp::test
