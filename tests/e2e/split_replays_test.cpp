// A handshake that was used on one front is refused on others that have a back in common with it.
#include "tests/e2e/fronting_fixture.hpp"
#include "tests/e2e/handshake_start.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

const std::string sent = "replay_shared_sent_total";
const std::string received = "replay_shared_received_total";
const std::string refused = "replay_shared_refused_total";
const std::string refusals = protocol_error("replay_session_detected");
/// What a handshake may take from one front to another.
constexpr auto soon_enough = 1s;

/// Fronts with one secret, each with a session with each of the backs.
struct sharing_fronts {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  secret16 secret = net::random_array<16>();

  explicit sharing_fronts(const std::string& transport = "tls", std::size_t backs = 1) {
    for (std::size_t i = 0; i < backs; ++i) {
      back_options how;
      how.transport = transport;
      how.allowed = {"front0", "front1", "front2"};
      how.link = link(transport);
      nodes.add_back("back" + std::to_string(i), how);
    }
  }
  static std::string link(const std::string& transport) {
    return transport == "tls" ? "" : "cluster_cookie = \"0123456789abcdef-ours\"\n";
  }
  front_options usual(const std::string& transport = "tls") const {
    front_options how;
    how.config = "replay_share = \"on\"\n";
    how.transport = transport;
    how.link = link(transport);
    how.secret = secret;
    return how;
  }
  test_front& add(const front_options& how) {
    return nodes.add_front("front" + std::to_string(fronts_++), how);
  }
  [[nodiscard]] bytes header() const { return start_of(secret, framing::padded); }
  [[nodiscard]] bytes classic() const { return start_of(secret, framing::abridged); }
  [[nodiscard]] bytes hello() const { return hello_of(secret); }

 private:
  std::size_t fronts_ = 0;
};

/// What is used on `first` is refused on `second`, within a second.
void check_shared(test_front& first, test_front& second, const std::vector<bytes>& handshakes) {
  const auto known = second.metric(received);
  const auto before = second.metric(refusals);
  for (const auto& handshake : handshakes)
    CHECK(lets_in(first, handshake));
  const auto count = static_cast<double>(handshakes.size());
  CHECK(second.wait_for_metric(received, known + count, soon_enough));
  for (const auto& handshake : handshakes)
    CHECK_FALSE(lets_in(second, handshake));
  CHECK(second.metric(refusals) == before + count);
}

TEST_CASE("split: a handshake used on one front is refused on another within a second") {
  sharing_fronts on;
  auto& first = on.add(on.usual());
  auto& second = on.add(on.usual());
  on.nodes.start_all();
  check_shared(first, second, {on.hello(), on.header(), on.classic()});
  CHECK(second.metric(refused) == 3);
  // And the other way; nothing that one front has heard comes back to the other.
  check_shared(second, first, {on.hello(), on.header(), on.classic()});
  CHECK(first.wait_for_metric(sent, 3));
  CHECK(second.wait_for_metric(sent, 3));
  CHECK(on.nodes.back().metric(received) == 6);
  CHECK(on.nodes.back().wait_for_metric(sent, 6));
  auto client = second.client(tls_protocol());
  check_echo(client);
}

TEST_CASE("split: a front that comes later, or again, learns what others have seen") {
  sharing_fronts on;
  auto& first = on.add(on.usual());
  auto without_file = on.usual();
  without_file.config += "replay_check_persist = \"off\"\n";
  auto& second = on.add(without_file);
  on.nodes.start_all();
  const auto hello = on.hello();
  const auto header = on.header();
  check_shared(first, second, {hello, header});
  // It has forgotten all.
  second.kill();
  second.start();
  CHECK(second.wait_for_metric(received, 2));
  CHECK_FALSE(lets_in(second, hello));
  CHECK_FALSE(lets_in(second, header));
  // The first one has gone; the back knows still.
  first.kill();
  auto& third = on.add(on.usual());
  third.start();
  CHECK(third.wait_for_metric(received, 2));
  CHECK_FALSE(lets_in(third, hello));
  CHECK_FALSE(lets_in(third, header));
}

TEST_CASE("split: fronts tell a back that has forgotten all") {
  sharing_fronts on;
  auto& first = on.add(on.usual());
  auto& second = on.add(on.usual());
  on.nodes.start_all();
  const auto hello = on.hello();
  check_shared(first, second, {hello});
  auto& back = on.nodes.back();
  back.kill();
  back.start();
  REQUIRE(first.wait_until_connected(2));
  CHECK(back.wait_for_metric(received, 1));
  auto& third = on.add(on.usual());
  third.start();
  CHECK(third.wait_for_metric(received, 1));
  CHECK_FALSE(lets_in(third, hello));
}

TEST_CASE("split: reload effects: replay_share") {
  sharing_fronts on;
  auto& first = on.add(on.usual());
  auto off = on.usual();
  off.config = "replay_share = \"off\"\n";
  auto& second = on.add(off);
  on.nodes.start_all();
  const auto share = [&](const char* value) {
    second.set_line("replay_share", value);
    const auto result = second.reload();
    INFO(result.output);
    REQUIRE(result.status == 0);
  };
  const auto memory = [&] { return second.metric("memory_bytes{kind=\"replays\"}"); };
  const auto hello = on.hello();
  const auto header = on.header();
  CHECK(lets_in(first, hello));
  CHECK(first.wait_for_metric(sent, 1));
  CHECK(lets_in(second, hello));
  CHECK(on.nodes.back().metric(sent) == 0);
  CHECK(lets_in(second, on.header()));

  share("\"on\"");
  // What was used before is shared too, and what is used from now on.
  CHECK(second.wait_for_metric(received, 1));
  check_shared(first, second, {header});
  check_shared(second, first, {on.header()});
  // Refused, they are remembered as its own as well.
  const auto own = memory();

  const auto later = on.hello();
  CHECK(lets_in(first, later));
  CHECK(second.wait_for_metric(received, 3));
  share("\"off\"");
  CHECK(eventually([&] { return memory() < own; }, patience));
  CHECK(lets_in(second, later));
  CHECK_FALSE(lets_in(second, header));
  const auto told = first.metric(received);
  CHECK(lets_in(first, on.hello()));
  CHECK(first.wait_for_metric(sent, 4));
  CHECK(second.metric(received) == 3);
  CHECK(first.metric(received) == told);
}

TEST_CASE("split: handshakes are shared by all transports, and by fronts of one name") {
  std::string transport;
  SUBCASE("plain") {
    transport = "plain";
  }
  SUBCASE("caf-openssl") {
    transport = "caf-openssl";
  }
  sharing_fronts on{transport};
  auto& first = on.nodes.add_front("front", on.usual(transport));
  auto& second = on.nodes.add_front("other", on.usual(transport));
  second.set_line("node_name", "\"front\"");
  on.nodes.start_all();
  check_shared(first, second, {on.hello(), on.header()});
  check_shared(second, first, {on.hello(), on.header()});
}

TEST_CASE("split: with several backs a front tells all of them") {
  sharing_fronts on{"tls", 2};
  auto& first = on.add(on.usual());
  auto only_second_back = on.usual();
  only_second_back.backs = {on.nodes.back(1).address()};
  auto& second = on.add(only_second_back);
  for (std::size_t i = 0; i < 2; ++i)
    on.nodes.back(i).start();
  first.start();
  second.start();
  REQUIRE(first.wait_until_connected(2));
  REQUIRE(second.wait_until_connected(1));
  check_shared(first, second, {on.hello(), on.header()});
  check_shared(second, first, {on.hello(), on.header()});
}

TEST_CASE("split: what another front has seen goes to the cover site, whole") {
  const cover_site site;
  sharing_fronts on;
  auto& first = on.add(on.usual());
  auto how = on.usual();
  how.config += "domain_fronting = \"" + site.where() + "\"\nmeasure_sites = false\n";
  auto& second = on.add(how);
  on.nodes.start_all();
  const auto hello = on.hello();
  CHECK(lets_in(first, hello));
  CHECK(second.wait_for_metric(received, 1));
  auto replay = second.connect();
  REQUIRE(replay.send(hello, soon()));
  auto at_site = site.accept(soon());
  CHECK(receive(at_site, hello.size()) == hello);
  REQUIRE(at_site.send(of("answer"), soon()));
  CHECK(receive(replay, 6) == of("answer"));
}

TEST_CASE("split: a front of the release before is told nothing of handshakes") {
  const char* const named = std::getenv("MTP_OLD_PROXY");
  const std::string old = named != nullptr ? named : MTP_OLD_PROXY_BINARY;
  if (named == nullptr && !std::filesystem::exists(old))
    return skip(
        "handshakes of nodes one release apart: no proxy of the release before "
        "(scripts/old_release.sh builds it)");
  sharing_fronts on;
  auto& first = on.add(on.usual());
  auto how = on.usual();
  how.config.clear();
  how.program = old;
  auto& second = on.add(how);
  on.nodes.start_all();
  const auto hello = on.hello();
  CHECK(lets_in(first, hello));
  CHECK(first.wait_for_metric(sent, 1));
  CHECK(lets_in(second, hello));
  CHECK(on.nodes.back().metric(sent) == 0);
  CHECK(second.count_in_output("link_seen") == 0);
  auto client = second.client();
  check_echo(client);
}

}  // namespace
}  // namespace mtp::test
