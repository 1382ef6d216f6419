// What a front makes of backs of other builds.
#include <ctime>

#include "actors/core/names.hpp"
#include "codecs/base/text.hpp"
#include "tests/actors/node_link/link_fixture.hpp"
#include "tests/support/captured_log.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

using handles = std::vector<caf::actor>;

/// A back that another build could be.
struct other_back {
  test::manual_node node;
  caf::actor front;
  caf::actor session_actor;
  caf::actor gateway;
  std::vector<std::string> hellos;
  std::vector<std::uint64_t> byes;
  std::function<link_answer(const link_hello&)> answer;
  test::inbox<link_blob> partner{node.system()};

  other_back() {
    node.configure([&](auto& all) { all.process.through_link_agents = true; });
    node.core.build = "1.0";
    start_gateway();
  }
  other_back(const other_back&) = delete;
  other_back& operator=(const other_back&) = delete;
  other_back(other_back&&) = delete;
  other_back& operator=(other_back&&) = delete;
  ~other_back() {
    for (const auto& actor : {session_actor, front, gateway})
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    node.settle();
  }
  void start_gateway() {
    gateway = node.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](link_hello_atom, const std::string& text,
                     const handles&) -> caf::result<std::string, handles> {
                hellos.push_back(text);
                const auto hello = decode_link_hello(as_bytes(text));
                REQUIRE(hello);
                const auto said = answer(*hello);
                handles agents;
                if (said.verdict == link_answer::kind::welcome) agents.push_back(partner.handle());
                return {std::string{as_text(encode_link_answer(said))}, agents};
              },
              [this](link_bye_atom, std::uint64_t session) { byes.push_back(session); }};
    });
    node.core.names.put(std::string{names::link_gateway}, gateway);
  }
  /// The back is another process from now on.
  void restart() {
    caf::anon_send_exit(gateway, caf::exit_reason::kill);
    node.settle();
    start_gateway();
    hellos.clear();
    for (int i = 0; i < 10; ++i)
      node.advance(100ms);
  }
  back_status run() {
    front = net::spawn_pinned<front_agent>(*node.core.reactors[0], std::ref(node.link));
    node.core.names.put(names::front_agent(0), front);
    session_actor =
        net::spawn_pinned<local_back_session>(*node.core.reactors[0], std::ref(node.link), 0U);
    node.core.names.put(names::back_session(0), session_actor);
    node.advance(20ms);
    node.advance(20ms);
    return status();
  }
  back_status status() {
    back_status status;
    node.system().spawn([&](caf::event_based_actor* self) {
      self->request(session_actor, caf::infinite, get_back_status{})
          .then([&](const back_status& now) { status = now; });
    });
    node.settle();
    return status;
  }
  /// Whether that hello is one of version 3: its size has room for nothing else.
  static bool is_old(const std::string& hello) {
    return hello.starts_with(std::string{"MTLK\x03\0\3"
                                         "1.0\0",
                                         11}) &&
           hello.size() == 4 + 2 + 4 + 1 + 8 + 8 + 8 + 1 + 16 + 32;
  }
};

/// As a build of version 3 answers: it understands nothing else, and says so.
link_answer of_old_back(const link_hello& hello) {
  const bool fits = hello.offer == old_link_offer;
  return {.offer = old_link_offer,
          .verdict = fits ? link_answer::kind::welcome : link_answer::kind::refused,
          .build = "0.2.0",
          .reason = fits ? "" : "link versions differ: and so on",
          .clock = std::time(nullptr)};
}

/// As a build of today does.
link_answer of_new_back(const link_hello& hello) {
  const bool fits = !(hello.offer == old_link_offer && is_fallback(hello.nonce));
  return {.verdict = fits ? link_answer::kind::welcome : link_answer::kind::refused,
          .build = "1.0"};
}

TEST_CASE_FIXTURE(other_back, "versions: with a back of version 3 a front speaks that, at once") {
  answer = of_old_back;
  const test::captured_log log;
  const auto got = run();
  CHECK(got.connected);
  CHECK(got.other_versions == "3");
  REQUIRE(hellos.size() == 2);
  CHECK(hellos[0].starts_with(std::string{"MTLK\x04\0", 6}));
  CHECK(is_old(hellos[1]));
  // With a mark, for a back that speaks more: the nonce stands before a proof of 32 bytes.
  CHECK(hellos[1].substr(hellos[1].size() - 32 - 8, 8) == "fallback");
  CHECK(log.text() ==
        "info back inside this process: connected (build 0.2.0); an older node: link version 3 is "
        "used, "
        "not 4\n");

  // The next time it knows.
  restart();
  CHECK(status().connected);
  REQUIRE(hellos.size() == 1);
  CHECK(is_old(hellos[0]));
}

TEST_CASE_FIXTURE(other_back, "versions: a back that was upgraded is spoken to as that, at once") {
  answer = of_old_back;
  REQUIRE(run().connected);
  answer = of_new_back;
  const test::captured_log log;
  restart();
  CHECK(status().connected);
  CHECK(status().other_versions.empty());
  REQUIRE(hellos.size() == 2);
  CHECK(is_old(hellos[0]));
  CHECK(hellos[1].starts_with(std::string{"MTLK\x04\0", 6}));
  CHECK(log.count("connected (build 1.0)\n") == 1);
  // And if that was a mistake, the other way round.
  answer = of_old_back;
  restart();
  CHECK(status().connected);
  CHECK(hellos.size() == 2);
}

TEST_CASE_FIXTURE(other_back, "versions: a newer back is used as far as both know") {
  answer = [](const link_hello&) {
    return link_answer{.offer = later_offer, .verdict = link_answer::kind::welcome, .build = "3.0"};
  };
  const test::captured_log log;
  const auto got = run();
  CHECK(got.connected);
  CHECK(got.other_versions == "4 to 9");
  CHECK(hellos.size() == 1);
  CHECK(log.count("connected (build 3.0); a newer node: link version 4 is used, not 9\n") == 1);
}

TEST_CASE_FIXTURE(other_back, "versions: a front whose back refuses both forms does not hurry") {
  std::string trouble;
  SUBCASE("as if each were the wrong one") {
    answer = [](const link_hello& hello) {
      const bool is_old = hello.offer == old_link_offer;
      return link_answer{.offer = is_old ? link_offer{} : old_link_offer, .reason = "the other"};
    };
    trouble = "the back refuses: the other";
  }
  SUBCASE("welcoming it in the other form") {
    answer = [](const link_hello& hello) {
      const bool is_old = hello.offer == old_link_offer;
      return link_answer{.offer = is_old ? link_offer{} : old_link_offer,
                         .verdict = link_answer::kind::welcome};
    };
    trouble =
        "link versions differ: ours is 3 to 4 (build 1.0), the back's 3 (build ); use the same "
        "build on both";
  }
  const test::captured_log log;
  run();
  for (int i = 0; i < 60; ++i)
    node.advance(1s);
  CHECK_FALSE(status().connected);
  CHECK(status().trouble == trouble);
  CHECK(log.count("trying again") == 1);
  CHECK(partner.all<link_blob>().empty());
  // Two in each attempt, and 5 s between these at last.
  CHECK(hellos.size() > 12);
  CHECK(hellos.size() < 60);
}

TEST_CASE_FIXTURE(other_back, "versions: a welcome whose offer was changed is not believed") {
  node.configure([&](auto& all) { all.link.node_link.cluster_cookie = "cookie of the cluster"; });
  const auto cookie =
      as_bytes(node.core.settings(*node.core.reactors[0]).link.node_link.cluster_cookie);
  link_offer changed;
  bool is_believed = false;
  SUBCASE("nobody changed it") {
    is_believed = true;
  }
  SUBCASE("a capability less") {
    changed.capabilities = 0;
  }
  SUBCASE("another range") {
    changed.highest = 5;
  }
  SUBCASE("something added") {
    changed.additions = {1};
  }
  answer = [&](const link_hello& hello) {
    if (hello.proof == link_proof{})
      return link_answer{.verdict = link_answer::kind::challenge, .nonce = {1}};
    link_answer welcome{.verdict = link_answer::kind::welcome};
    welcome.proof = prove_back(cookie, hello, welcome);
    welcome.offer = changed;
    return welcome;
  };
  const auto got = run();
  CHECK(got.connected == is_believed);
  CHECK(got.trouble == (is_believed ? "" : "cluster_cookie differs"));
  CHECK(byes.size() == (is_believed ? 0 : 1));
}

TEST_CASE_FIXTURE(other_back, "versions: the log has why the back ended the session") {
  answer = of_new_back;
  const auto session = run().session;
  std::string why = "it has stopped, or restarts";
  SUBCASE("it said so") {
    caf::anon_send(session_actor, link_bye_atom::value, session, std::string{"a \x1b[31mreason"});
    why = "it ended the session; its log says: a ?[31mreason";
  }
  SUBCASE("at any length") {
    caf::anon_send(session_actor, link_bye_atom::value, session, std::string(100'000, 'x'));
    why = "it ended the session; its log says: " + std::string(max_link_text, 'x');
  }
  SUBCASE("of another session") {
    caf::anon_send(session_actor, link_bye_atom::value, session + 1, std::string{"a reason"});
  }
  node.settle();
  // What is on its way still comes.
  CHECK(status().connected);
  caf::anon_send_exit(gateway, caf::exit_reason::kill);
  node.settle();
  CHECK(status().trouble == why);
}

}  // namespace
}  // namespace mtp::actors
