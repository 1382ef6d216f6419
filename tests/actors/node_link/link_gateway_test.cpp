// Which fronts get a session with a back, and which do not.
#include "actors/core/names.hpp"
#include "actors/node_link/link_listener.hpp"

#include <ctime>

#include "codecs/base/text.hpp"
#include "tests/actors/node_link/link_fixture.hpp"
#include "tests/support/captured_log.hpp"
#include "tests/support/captured_output.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

using handles = std::vector<caf::actor>;

/// Talks to the gateway as a front's back_session would.
struct visitor : link_fixture {
  struct answered {
    link_answer answer;
    handles agents;
  };
  test::inbox<link_blob> agent{node.system()};
  caf::actor session_of_visitor;
  std::vector<answered> answers;

  link_hello hello{.build = "9.9", .name = "front9", .node = 99, .session = 50};

  /// From a back_session that stays; an answer comes back to `answers`.
  void say(const link_hello& greeting, const handles& agents) {
    say_raw(std::string{as_text(encode_link_hello(greeting))}, agents);
  }
  void say_raw(const std::string& encoded, const handles& agents) {
    if (session_of_visitor == nullptr)
      session_of_visitor =
          node.system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
            return {[this, self](const std::string& text, const handles& given) {
                      self->request(gateway, caf::infinite, link_hello_atom::value, text, given)
                          .then([this](const std::string& answer, const handles& got) {
                            const auto read = decode_link_answer(as_bytes(answer));
                            REQUIRE(read);
                            answers.push_back({*read, got});
                          });
                    },
                    [](link_bye_atom, std::uint64_t, const std::string&) {}};
          });
    caf::anon_send(session_of_visitor, encoded, agents);
    node.settle();
  }
  visitor() {
    node.configure([&](auto& all) { all.link.node_name = "back"; });
  }
  visitor(const visitor&) = delete;
  visitor& operator=(const visitor&) = delete;
  visitor(visitor&&) = delete;
  visitor& operator=(visitor&&) = delete;
  ~visitor() { leave(); }
  void leave() {
    if (session_of_visitor != nullptr) kill(session_of_visitor);
    session_of_visitor = nullptr;
  }
  const answered& last() {
    REQUIRE_FALSE(answers.empty());
    return answers.back();
  }
  std::vector<std::string> names() {
    std::vector<std::string> listed;
    for (const auto& status : fronts())
      listed.push_back(status.name);
    return listed;
  }
};
using texts = std::vector<std::string>;

TEST_CASE_FIXTURE(visitor, "gateway: a front gets an agent for each of its own") {
  say(hello, {agent.handle(), agent.handle(), agent.handle()});
  CHECK(last().answer.verdict == link_answer::kind::welcome);
  CHECK(last().answer.name == "back");
  CHECK(last().answer.offer == link_offer{});
  CHECK(last().agents.size() == 3);
  CHECK(names() == texts{"", "front9"});
  CHECK(fronts()[1].agents == 3);
  CHECK(fronts()[1].build == "9.9");
  // They speak to it every second.
  node.advance(1100ms);
  CHECK(agent.all<link_blob>().size() == 3);
}

TEST_CASE_FIXTURE(visitor, "gateway: a session ends with whoever asked for it, or when told so") {
  say(hello, {agent.handle()});
  SUBCASE("gone") {
    leave();
  }
  SUBCASE("bye") {
    caf::anon_send(gateway, link_bye_atom::value, hello.session);
    node.settle();
  }
  CHECK(names() == texts{""});
  // With its agents.
  const auto spoken = agent.all<link_blob>().size();
  node.advance(1100ms);
  CHECK(agent.all<link_blob>().size() == spoken);
}

TEST_CASE_FIXTURE(visitor, "gateway: the same process can't have two sessions") {
  say(hello, {agent.handle()});
  auto next = hello;
  next.session = 51;
  say(next, {agent.handle()});
  CHECK(last().answer.verdict == link_answer::kind::welcome);
  REQUIRE(fronts().size() == 2);
  CHECK(fronts()[1].session == 51);
  // Another one of the same name can.
  auto other = hello;
  other.node = 100;
  other.session = 52;
  say(other, {agent.handle()});
  CHECK(names() == texts{"", "front9", "front9"});
}

TEST_CASE_FIXTURE(visitor, "gateway: only a front with a session may ask what the back does") {
  node.link.answer_console = [](std::string_view) { return std::string{"everything"}; };
  std::string got;
  node.system().spawn([&](caf::event_based_actor* self) {
    self->request(gateway, caf::infinite, link_ask_atom::value, std::string{"pools"})
        .then([&](const std::string& text, bool good) { got = (good ? "yes: " : "no: ") + text; });
  });
  node.settle();
  CHECK(got == "no: only a front with a session is answered");
}

TEST_CASE_FIXTURE(visitor, "gateway: who is refused is told why") {
  const auto refused = [&](const link_hello& greeting, const handles& agents) {
    say(greeting, agents);
    CHECK(last().answer.verdict == link_answer::kind::refused);
    CHECK(last().agents.empty());
    return last().answer.reason;
  };
  CHECK(refused(hello, {}) == "it has no agents, or too many");
  CHECK(refused(hello, handles(300, agent.handle())) == "it has no agents, or too many");
  CHECK(refused(hello, {caf::actor{}}) == "it has no agents, or too many");
  auto zero = hello;
  zero.session = 0;
  CHECK(refused(zero, {agent.handle()}) == "its session is not a new one");
  say(hello, {agent.handle()});
  auto again = hello;
  again.node = 3;
  CHECK(refused(again, {agent.handle()}) == "its session is not a new one");
  auto old = hello;
  old.offer = {.highest = 77, .lowest = 5};
  CHECK(refused(old, {agent.handle()}) ==
        "link versions differ: the front's is 5 to 77 (build 9.9), the back's 3 to 4 (build "
        "unknown); "
        "use the same build on both");
  say_raw("GET / HTTP/1.1\r\n", {agent.handle()});
  CHECK(last().answer.reason == "the hello can't be read");
}

TEST_CASE_FIXTURE(visitor, "gateway: with a cluster_cookie, only who has it gets a session") {
  node.configure([&](auto& all) { all.link.node_link.cluster_cookie = "cookie of the cluster"; });
  const auto cookie = as_bytes(node.core.config.get()->link.node_link.cluster_cookie);
  hello.has_cookie = true;
  hello.nonce[3] = 7;
  const auto with_proof = [&](byte_view of) {
    auto signed_hello = hello;
    signed_hello.proof = prove_front(of, last().answer.nonce, hello);
    return signed_hello;
  };
  say(hello, {agent.handle()});
  CHECK(last().answer.verdict == link_answer::kind::challenge);
  CHECK(last().answer.nonce != link_nonce{});
  SUBCASE("it has") {
    say(with_proof(cookie), {agent.handle()});
    CHECK(last().answer.verdict == link_answer::kind::welcome);
    CHECK(last().answer.proof == prove_back(cookie, hello, last().answer));
  }
  SUBCASE("it has another one") {
    say(with_proof(as_bytes("another")), {agent.handle()});
    CHECK(last().answer.reason == "cluster_cookie differs");
  }
  SUBCASE("a nonce is good once") {
    const auto proven = with_proof(as_bytes("another"));
    const auto right = with_proof(cookie);
    say(proven, {agent.handle()});
    say(right, {agent.handle()});
    CHECK(last().answer.reason == "the proof of cluster_cookie was not asked for");
  }
  SUBCASE("and for whom it was made") {
    auto other = with_proof(cookie);
    other.name = "front8";
    say(other, {agent.handle()});
    CHECK(last().answer.reason == "cluster_cookie differs");
  }
}

TEST_CASE_FIXTURE(visitor, "gateway: a cookie on one side only: no session, and no challenge") {
  std::string why;
  SUBCASE("the front's") {
    hello.has_cookie = true;
    why = "only the front has a cluster_cookie";
  }
  SUBCASE("the back's") {
    node.configure([&](auto& all) { all.link.node_link.cluster_cookie = "cookie of the cluster"; });
    why = "only the back has a cluster_cookie";
  }
  const test::captured_log log;
  say(hello, {agent.handle()});
  CHECK(last().answer.verdict == link_answer::kind::refused);
  CHECK(last().answer.reason == why);
  CHECK(last().agents.empty());
  CHECK(names() == texts{""});
  CHECK(log.count("front front9 is refused: " + why) == 1);
}

TEST_CASE_FIXTURE(visitor, "gateway: with TLS a front's name is what its certificate says") {
  node.configure([&](auto& all) { all.process.role = config::node_role::back; });
  std::string proven = "front9";
  const auto listener = node.system().spawn([&](caf::event_based_actor*) -> caf::behavior {
    return {[&](const get_proven_name& asked) {
      CHECK(asked.node == session_of_visitor.node());
      return proven;
    }};
  });
  node.core.names.put("link_listener", listener);
  const test::captured_log log;
  SUBCASE("the same") {
    say(hello, {agent.handle()});
    CHECK(last().answer.verdict == link_answer::kind::welcome);
    CHECK(names() == texts{"", "front9"});
  }
  SUBCASE("another one") {
    proven = "front8";
    say(hello, {agent.handle()});
    const std::string why = R"(the front calls itself "front9", but its certificate says "front8")";
    CHECK(last().answer.reason == why);
    CHECK(names() == texts{""});
    CHECK(log.count("front front8 is refused: " + why) == 1);
  }
  SUBCASE("no connection of that node any more") {
    proven.clear();
    say(hello, {agent.handle()});
    CHECK(last().answer.reason == "its connection is gone");
  }
  SUBCASE("the listener is being restarted") {
    node.core.names.remove("link_listener", listener.address());
    say(hello, {agent.handle()});
    CHECK(last().answer.reason == "the back is restarting");
  }
  SUBCASE("of a proxy's own transport only") {
    node.configure([&](auto& all) { all.link.node_link.security = config::link_security::plain; });
    proven = "front8";
    say(hello, {agent.handle()});
    CHECK(last().answer.verdict == link_answer::kind::welcome);
  }
  kill(listener);
}

TEST_CASE_FIXTURE(visitor,
                  "gateway: a front that is refused again and again does not fill the log") {
  hello.has_cookie = true;
  const std::string line = "front front9 is refused: only the front has a cluster_cookie";
  const test::captured_log log;
  for (int i = 0; i < 59; ++i) {
    say(hello, {agent.handle()});
    node.advance(1s);
  }
  CHECK(answers.size() == 59);
  CHECK(log.count("is refused") == 1);
  CHECK(log.count(line + '\n') == 1);
  // Another one is told at once, and changes nothing for the first.
  auto other = hello;
  other.name = "front8";
  say(other, {agent.handle()});
  CHECK(log.count("front front8 is refused") == 1);
  node.advance(1s);
  say(hello, {agent.handle()});
  CHECK(log.count("is refused") == 3);
  CHECK(log.count(line + " (58 more since the last line)\n") == 1);
  say_raw("GET / HTTP/1.1\r\n", {agent.handle()});
  say_raw("GET / HTTP/1.1\r\n", {agent.handle()});
  CHECK(log.count("front ? is refused: the hello can't be read") == 1);
}

TEST_CASE_FIXTURE(visitor, "link: what an actor does not understand is not printed") {
  say(hello, {agent.handle()});
  const test::captured_log log;
  const test::captured_output output;
  for (const auto& actor : {sup, gateway, session_actor, front, last().agents[0]}) {
    caf::anon_send(actor, std::string{"nobody asked for this"});
    node.settle();
    CHECK(output.text().empty());
    CHECK(log.count("asked for this") == 0);
  }
  CHECK(names() == texts{"", "front9"});
}

TEST_CASE_FIXTURE(visitor, "gateway: a front that begins sessions in a row does not fill the log") {
  const test::captured_log log;
  const auto begin = [&] {
    ++hello.session;
    say(hello, {agent.handle()});
    REQUIRE(last().answer.verdict == link_answer::kind::welcome);
  };
  // Comes, is lost and comes back: told line by line.
  hello.clock = std::time(nullptr);
  begin();
  begin();
  CHECK(log.count("front front9 is connected (build 9.9, 1 reactors)\n") == 2);
  CHECK(log.count("front front9: its session ends: it begins another one\n") == 1);
  hello.clock = 1;
  for (int i = 0; i < 300; ++i)
    begin();
  CHECK(log.count("front front9") == 10);
  node.advance(1min);
  begin();
  // 303 began, 302 ended and 301 had another time; the last three are told.
  CHECK(log.count("(893 more since the last line, others among them)\n") == 1);
  CHECK(log.count("front front9") == 13);
}

TEST_CASE_FIXTURE(visitor, "gateway: a front that breaks the rules is told of by its name, once") {
  say(hello, {agent.handle()});
  const test::captured_log log;
  caf::anon_send(last().agents[0], link_blob{"not a blob"});
  node.settle();
  CHECK(log.text() == "error front front9: its session ends: what it says can't be read\n");
}

TEST_CASE_FIXTURE(visitor, "gateway: one hello of a node at a time") {
  node.configure([&](auto& all) { all.process.role = config::node_role::back; });
  std::vector<caf::response_promise> asked;
  const auto listener = node.system().spawn([&](caf::event_based_actor* self) -> caf::behavior {
    return {
        [&asked, self](const get_proven_name&) -> caf::result<std::string> {
          auto promise = self->make_response_promise<std::string>();
          asked.push_back(promise);
          return promise;
        },
        [&asked](const std::string& name) { asked.back().deliver(name); },
    };
  });
  node.core.names.put("link_listener", listener);
  for (int i = 0; i < 1000; ++i)
    say(hello, {agent.handle()});
  CHECK(asked.size() == 1);
  CHECK(answers.size() == 999);
  CHECK(last().answer.reason == "its last hello has no answer yet");
  caf::anon_send(listener, std::string{"front9"});
  node.settle();
  CHECK(last().answer.verdict == link_answer::kind::welcome);
  // The next one is heard again, and so it is if the listener says nothing.
  hello.session = 51;
  say(hello, {agent.handle()});
  CHECK(asked.size() == 2);
  node.advance(6s);
  CHECK(last().answer.reason == "the back is restarting");
  say(hello, {agent.handle()});
  CHECK(asked.size() == 3);
  asked.clear();
  kill(listener);
}

}  // namespace
}  // namespace mtp::actors
