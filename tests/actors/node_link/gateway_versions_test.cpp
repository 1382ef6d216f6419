// What a back says to fronts of other builds.
#include <ctime>

#include "codecs/base/text.hpp"
#include "tests/actors/node_link/link_fixture.hpp"
#include "tests/support/captured_log.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

using handles = std::vector<caf::actor>;

/// A front that another build could be, with what its back says as it is on the wire.
struct other_front : link_fixture {
  test::inbox<link_blob> agent{node.system()};
  caf::actor session_of_front;
  std::string answer;
  /// Of (bye_atom, session, why).
  std::vector<std::pair<std::uint64_t, std::string>> farewells;
  link_hello hello{
      .build = "0.2.0", .name = "front9", .node = 99, .session = 50, .clock = std::time(nullptr)};

  other_front() {
    node.configure([&](auto& all) { all.link.node_name = "back"; });
    session_of_front = node.system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
      return {[this, self](const std::string& text) {
                self->request(gateway, caf::infinite, link_hello_atom::value, text,
                              handles{agent.handle()})
                    .then([this](const std::string& said, const handles&) { answer = said; });
              },
              [this](link_bye_atom, std::uint64_t session, const std::string& why) {
                farewells.emplace_back(session, why);
              }};
    });
  }
  other_front(const other_front&) = delete;
  other_front& operator=(const other_front&) = delete;
  other_front(other_front&&) = delete;
  other_front& operator=(other_front&&) = delete;
  ~other_front() { kill(session_of_front); }

  link_answer say(const link_hello& greeting) {
    answer.clear();
    caf::anon_send(session_of_front, std::string{as_text(encode_link_hello(greeting))});
    node.settle();
    const auto read = decode_link_answer(as_bytes(answer));
    REQUIRE(read);
    return *read;
  }
  /// With the proof that the last answer asks for, of what is said otherwise.
  link_answer prove(link_hello greeting, const link_hello& signed_for) {
    const auto challenge = decode_link_answer(as_bytes(answer));
    REQUIRE(challenge);
    greeting.proof = prove_front(as_bytes(node.core.config.get()->link.node_link.cluster_cookie),
                                 challenge->nonce, signed_for);
    return say(greeting);
  }
};

TEST_CASE_FIXTURE(other_front, "versions: a front of version 3 is answered as that version does") {
  hello.offer = old_link_offer;
  const test::captured_log log;
  const auto got = say(hello);
  CHECK(got.verdict == link_answer::kind::welcome);
  // Magic, version, kind, build "unknown", no reason, name "back", node, clock, nonce, proof.
  CHECK(answer.size() == 4 + 2 + 1 + 8 + 1 + 5 + 8 + 8 + 16 + 32);
  CHECK(answer.starts_with(std::string{"MTLK\x03\0\0\7unknown\0\4back", 21}));
  CHECK(log.count("info front front9 is connected (build 0.2.0, 1 reactors); an older node: link "
                  "version 3 is used, not 4\n") == 1);
  REQUIRE(fronts().size() == 2);
  CHECK(fronts()[0].other_versions.empty());
  CHECK(fronts()[1].other_versions == "3");

  // And so it is when it is refused.
  CHECK(say(hello).reason == "its session is not a new one");
  CHECK(answer.starts_with(std::string{"MTLK\x03\0\2", 7}));
}

TEST_CASE_FIXTURE(other_front, "versions: a hello that can't be read is answered in version 3") {
  caf::anon_send(session_of_front, std::string{"GET / HTTP/1.1\r\n"});
  node.settle();
  CHECK(answer.starts_with(std::string{"MTLK\x03\0\2", 7}));
}

TEST_CASE_FIXTURE(other_front, "versions: a newer front gets what both know") {
  hello.offer = later_offer;
  const test::captured_log log;
  const auto got = say(hello);
  CHECK(got.verdict == link_answer::kind::welcome);
  CHECK(got.offer == link_offer{});
  CHECK(log.count("; a newer node: link version 4 is used, not 9\n") == 1);
  CHECK(fronts()[1].other_versions == "4 to 9");
}

TEST_CASE_FIXTURE(other_front, "versions: without one that both speak there is no session") {
  hello.offer = {.highest = 6, .lowest = 5};
  CHECK(say(hello).reason ==
        "link versions differ: the front's is 5 to 6 (build 0.2.0), the back's 3 to 4 (build "
        "unknown); use the same build on both");
  hello.offer = {.highest = 2, .lowest = 2};
  CHECK(say(hello).reason ==
        "link versions differ: the front's is 2 (build 0.2.0), the back's 3 to 4 (build unknown); "
        "use the same build on both");
  CHECK(fronts().size() == 1);
}

TEST_CASE_FIXTURE(other_front, "versions: who falls back although it need not is told so") {
  hello.offer = old_link_offer;
  mark_fallback(hello.nonce);
  const test::captured_log log;
  const auto got = say(hello);
  CHECK(got.verdict == link_answer::kind::refused);
  // It knows by this that there is another version.
  CHECK(got.offer == link_offer{});
  CHECK(fronts().size() == 1);
  // It happens whenever a back is upgraded.
  CHECK(log.text().empty());
  // The mark means nothing else to whom speaks more.
  hello.offer = link_offer{};
  CHECK(say(hello).verdict == link_answer::kind::welcome);
}

TEST_CASE_FIXTURE(other_front,
                  "versions: with a cluster_cookie no offer can be changed on its way") {
  node.configure([&](auto& all) { all.link.node_link.cluster_cookie = "cookie of the cluster"; });
  const auto cookie =
      as_bytes(node.core.settings(*node.core.reactors[0]).link.node_link.cluster_cookie);
  hello.has_cookie = true;
  auto said = hello;
  SUBCASE("nobody changes it") {
    SUBCASE("in version 3") {
      said.offer = hello.offer = old_link_offer;
    }
    SUBCASE("in version 4") {}
    SUBCASE("in a later one") {
      said.offer = hello.offer = later_offer;
    }
    CHECK(say(said).verdict == link_answer::kind::challenge);
    const auto got = prove(said, hello);
    CHECK(got.verdict == link_answer::kind::welcome);
    auto proven = said;
    CHECK(got.proof == prove_back(cookie, proven, got));
    return;
  }
  SUBCASE("a capability less") {
    said.offer.capabilities = 0;
  }
  SUBCASE("a capability more") {
    said.offer.capabilities |= 4;
  }
  SUBCASE("another range") {
    said.offer.lowest = 4;
  }
  SUBCASE("something added") {
    said.offer.additions = {1};
  }
  SUBCASE("an older version") {
    said.offer = old_link_offer;
  }
  CHECK(say(said).verdict == link_answer::kind::challenge);
  CHECK(prove(said, hello).reason == "cluster_cookie differs");
  CHECK(fronts().size() == 1);
}

TEST_CASE_FIXTURE(other_front, "versions: the mark of a front that falls back can't be taken off") {
  node.configure([&](auto& all) { all.link.node_link.cluster_cookie = "cookie of the cluster"; });
  hello.has_cookie = true;
  hello.offer = old_link_offer;
  auto said = hello;
  mark_fallback(hello.nonce);
  CHECK(say(said).verdict == link_answer::kind::challenge);
  CHECK(prove(said, hello).reason == "cluster_cookie differs");
}

TEST_CASE_FIXTURE(other_front, "versions: only who knows what a farewell is gets one") {
  using said = std::vector<std::pair<std::uint64_t, std::string>>;
  SUBCASE("it does, but ends the session itself") {
    say(hello);
    caf::anon_send(gateway, link_bye_atom::value, hello.session);
    node.settle();
    CHECK(fronts().size() == 1);
    CHECK(farewells.empty());
  }
  SUBCASE("it does, and the session ends") {
    say(hello);
    caf::anon_send(gateway, link_broken{50, "it breaks the rules of a stream"});
    node.settle();
    CHECK(farewells == said{{50, "it breaks the rules of a stream"}});
  }
  SUBCASE("it does, and the back stops") {
    hello.offer = later_offer;
    say(hello);
    caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
    node.settle();
    CHECK(farewells == said{{50, "the back is stopping"}});
  }
  SUBCASE("it is of version 4, and does not") {
    hello.offer.capabilities = 0;
    say(hello);
    caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
    node.settle();
    CHECK(farewells.empty());
  }
  SUBCASE("it is of version 3") {
    hello.offer = old_link_offer;
    say(hello);
    caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
    node.settle();
    CHECK(farewells.empty());
  }
}

TEST_CASE_FIXTURE(link_fixture, "versions: a back that is stopped says so to its fronts") {
  open();
  const test::captured_log log;
  caf::anon_send_exit(gateway, caf::exit_reason::user_shutdown);
  node.settle();
  CHECK(log.count("it ended the session; its log says: the back is stopping; trying again\n") == 1);
}

}  // namespace
}  // namespace mtp::actors
