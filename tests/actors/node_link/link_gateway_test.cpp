// Who gets a session with a back, and who does not; and what a front makes of the answers.
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
  caf::actor keeper_of_visitor;
  std::vector<answered> answers;

  link_hello hello{.build = "9.9", .name = "front9", .node = 99, .session = 50};

  /// As `who`, which stays; an answer comes back to `answers`.
  void say(const link_hello& what, const handles& agents) {
    say_raw(std::string{as_text(encode_link_hello(what))}, agents);
  }
  void say_raw(const std::string& what, const handles& agents) {
    if (keeper_of_visitor == nullptr)
      keeper_of_visitor =
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
    caf::anon_send(keeper_of_visitor, what, agents);
    node.settle();
  }
  visitor() {
    node.configure([&](auto& all) { all.node_name = "back"; });
  }
  visitor(const visitor&) = delete;
  visitor& operator=(const visitor&) = delete;
  visitor(visitor&&) = delete;
  visitor& operator=(visitor&&) = delete;
  ~visitor() { leave(); }
  void leave() {
    if (keeper_of_visitor != nullptr) kill(keeper_of_visitor);
    keeper_of_visitor = nullptr;
  }
  const answered& last() {
    REQUIRE_FALSE(answers.empty());
    return answers.back();
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& one : fronts())
      out.push_back(one.name);
    return out;
  }
};
using texts = std::vector<std::string>;

TEST_CASE_FIXTURE(visitor, "gateway: a front gets an agent for each of its own") {
  say(hello, {agent.handle(), agent.handle(), agent.handle()});
  CHECK(last().answer.what == link_answer::kind::welcome);
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
  CHECK(last().answer.what == link_answer::kind::welcome);
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
  const auto refused = [&](const link_hello& what, const handles& agents) {
    say(what, agents);
    CHECK(last().answer.what == link_answer::kind::refused);
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
  node.configure([&](auto& all) { all.node_link.cluster_cookie = "cookie of the cluster"; });
  const auto cookie = as_bytes(node.core.config.get()->node_link.cluster_cookie);
  hello.has_cookie = true;
  hello.nonce[3] = 7;
  const auto with_proof = [&](byte_view of) {
    auto out = hello;
    out.proof = prove_front(of, last().answer.nonce, hello);
    return out;
  };
  say(hello, {agent.handle()});
  CHECK(last().answer.what == link_answer::kind::challenge);
  CHECK(last().answer.nonce != link_nonce{});
  SUBCASE("it has") {
    say(with_proof(cookie), {agent.handle()});
    CHECK(last().answer.what == link_answer::kind::welcome);
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
    node.configure([&](auto& all) { all.node_link.cluster_cookie = "cookie of the cluster"; });
    why = "only the back has a cluster_cookie";
  }
  const test::captured_log log;
  say(hello, {agent.handle()});
  CHECK(last().answer.what == link_answer::kind::refused);
  CHECK(last().answer.reason == why);
  CHECK(last().agents.empty());
  CHECK(names() == texts{""});
  CHECK(log.count("front front9 is refused: " + why) == 1);
}

TEST_CASE_FIXTURE(visitor, "gateway: with TLS a front's name is what its certificate says") {
  node.configure([&](auto& all) { all.role = config::node_role::back; });
  std::string proven = "front9";
  const auto listener = node.system().spawn([&](caf::event_based_actor*) -> caf::behavior {
    return {[&](const get_proven_name& asked) {
      CHECK(asked.node == keeper_of_visitor.node());
      return proven;
    }};
  });
  node.core.names.put("link_listener", listener);
  const test::captured_log log;
  SUBCASE("the same") {
    say(hello, {agent.handle()});
    CHECK(last().answer.what == link_answer::kind::welcome);
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
    node.configure([&](auto& all) { all.node_link.security = config::link_security::plain; });
    proven = "front8";
    say(hello, {agent.handle()});
    CHECK(last().answer.what == link_answer::kind::welcome);
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
  for (const auto& one : {sup, gateway, keeper, front, last().agents[0]}) {
    caf::anon_send(one, std::string{"nobody asked for this"});
    node.settle();
    CHECK(output.text().empty());
    CHECK(log.text().empty());
  }
  CHECK(names() == texts{"", "front9"});
}

TEST_CASE_FIXTURE(visitor, "gateway: a front that begins sessions in a row does not fill the log") {
  const test::captured_log log;
  const auto begin = [&] {
    ++hello.session;
    say(hello, {agent.handle()});
    REQUIRE(last().answer.what == link_answer::kind::welcome);
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
  node.configure([&](auto& all) { all.role = config::node_role::back; });
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
  CHECK(last().answer.what == link_answer::kind::welcome);
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

// -- the front's side -----------------------------------------------------------------------------

/// A gateway that answers as it is told.
struct scripted {
  test::manual_node node;
  caf::actor front;
  caf::actor keeper;
  caf::actor gateway;
  std::vector<link_hello> hellos;
  std::vector<std::uint64_t> byes;
  std::function<link_answer(const link_hello&)> answer;
  test::inbox<link_blob> partner{node.system()};

  scripted() {
    node.configure([&](auto& all) { all.through_link_agents = true; });
    node.core.build = "1.0";
    gateway = node.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](link_hello_atom, const std::string& text,
                     const handles&) -> caf::result<std::string, handles> {
                const auto hello = decode_link_hello(as_bytes(text));
                REQUIRE(hello);
                hellos.push_back(*hello);
                const auto said = answer(*hello);
                handles agents;
                if (said.what == link_answer::kind::welcome) agents.push_back(partner.handle());
                return {std::string{as_text(encode_link_answer(said))}, agents};
              },
              [this](link_bye_atom, std::uint64_t session) { byes.push_back(session); }};
    });
    node.core.names.put(std::string{names::link_gateway}, gateway);
  }
  scripted(const scripted&) = delete;
  scripted& operator=(const scripted&) = delete;
  scripted(scripted&&) = delete;
  scripted& operator=(scripted&&) = delete;
  ~scripted() {
    for (const auto& one : {keeper, front, gateway})
      caf::anon_send_exit(one, caf::exit_reason::kill);
    node.settle();
  }
  back_status run() {
    front = net::spawn_pinned<front_agent>(*node.core.reactors[0], std::ref(node.link));
    node.core.names.put(names::front_agent(0), front);
    keeper = net::spawn_pinned<local_back_session>(*node.core.reactors[0], std::ref(node.link), 0U);
    node.core.names.put(names::back_session(0), keeper);
    node.advance(20ms);
    node.advance(20ms);
    return status();
  }
  back_status status() {
    back_status out;
    node.system().spawn([&](caf::event_based_actor* self) {
      self->request(keeper, caf::infinite, get_back_status{}).then([&](const back_status& now) {
        out = now;
      });
    });
    node.settle();
    return out;
  }
};

TEST_CASE_FIXTURE(scripted, "front: a welcome begins a session") {
  answer = [](const link_hello&) {
    return link_answer{.what = link_answer::kind::welcome, .build = "2.0"};
  };
  const auto got = run();
  CHECK(got.connected);
  CHECK(got.build == "2.0");
  CHECK(got.session == hellos.back().session);
  CHECK(byes.empty());
}

TEST_CASE_FIXTURE(scripted, "front: what the back answers is believed only if it fits") {
  std::string cookie;
  const auto welcome = [](const link_hello&) {
    return link_answer{.what = link_answer::kind::welcome, .build = "2.0"};
  };
  std::string trouble;
  bool is_disowned = false;
  SUBCASE("refused") {
    answer = [](const link_hello&) { return link_answer{.reason = "you smell"}; };
    trouble = "the back refuses: you smell";
  }
  SUBCASE("another version") {
    answer = [](const link_hello&) {
      return link_answer{
          .offer = {.highest = 9, .lowest = 9}, .what = link_answer::kind::welcome, .build = "2.0"};
    };
    trouble =
        "link versions differ: ours is 3 to 4 (build 1.0), the back's 9 (build 2.0); use the same "
        "build on both";
  }
  SUBCASE("a challenge, and no cookie here") {
    answer = [](const link_hello&) { return link_answer{.what = link_answer::kind::challenge}; };
    trouble = "the back wants a cluster_cookie";
  }
  SUBCASE("a welcome without a proof") {
    cookie = "cookie of the cluster";
    answer = welcome;
    trouble = "cluster_cookie differs";
    is_disowned = true;
  }
  SUBCASE("one challenge after the other") {
    cookie = "cookie of the cluster";
    answer = [](const link_hello&) { return link_answer{.what = link_answer::kind::challenge}; };
    trouble = "the back asks for the cluster_cookie again";
  }
  node.configure([&](auto& all) { all.node_link.cluster_cookie = cookie; });
  const auto got = run();
  CHECK_FALSE(got.connected);
  CHECK(got.trouble == trouble);
  CHECK(hellos.back().has_cookie == !cookie.empty());
  // What the back takes for a session is ended, and nothing else is.
  CHECK(byes == (is_disowned ? std::vector{hellos.front().session} : std::vector<std::uint64_t>{}));
  CHECK(partner.all<link_blob>().empty());
  // It goes on trying.
  const auto tried = hellos.size();
  for (int i = 0; i < 20; ++i)
    node.advance(1s);
  CHECK(hellos.size() > tried + 2);
  CHECK(hellos.size() < tried + 20);
}

TEST_CASE_FIXTURE(scripted, "front: two ways to one back: the second is left alone, for long") {
  answer = [](const link_hello&) {
    return link_answer{.what = link_answer::kind::welcome, .build = "2.0"};
  };
  node.configure([&](auto& all) { all.role = config::node_role::front; });
  node.configure([&](auto& all) {
    all.back_nodes = {{.name = "one", .host = "192.0.2.1", .port = 9199},
                      {.name = "other", .host = "192.0.2.2", .port = 9199}};
  });
  REQUIRE(run().connected);
  const auto second =
      net::spawn_pinned<local_back_session>(*node.core.reactors[0], std::ref(node.link), 1U);
  const auto first = std::exchange(keeper, second);
  node.advance(20ms);
  node.advance(20ms);
  CHECK(status().where == "other@192.0.2.2:9199");
  CHECK(status().trouble == "it is the same node as back one@192.0.2.1:9199");
  // It has said nothing to it.
  CHECK(hellos.size() == 1);
  // Nor tried to, for as long as the first one has it.
  for (int i = 0; i < 200; ++i)
    node.advance(1s);
  CHECK(status().age >= 195s);
  CHECK(status().trouble == "it is the same node as back one@192.0.2.1:9199");
  keeper = first;
  CHECK(status().connected);
  CHECK(status().sessions == 1);

  // When it is free it is taken, within a minute.
  caf::anon_send_exit(first, caf::exit_reason::kill);
  keeper = second;
  for (int i = 0; i < 62; ++i)
    node.advance(1s);
  CHECK(status().connected);
}

TEST_CASE_FIXTURE(scripted, "front: a back that does not answer is given up after a while") {
  answer = [](const link_hello&) {
    return link_answer{.what = link_answer::kind::welcome, .build = "2.0"};
  };
  caf::anon_send_exit(gateway, caf::exit_reason::kill);
  node.settle();
  gateway = node.system().spawn([](caf::event_based_actor* self) -> caf::behavior {
    return {[self](link_hello_atom, const std::string&, const handles&) {
      return self->make_response_promise<std::string, handles>();
    }};
  });
  node.core.names.put(std::string{names::link_gateway}, gateway);
  run();
  CHECK(status().trouble.empty());
  for (int i = 0; i < 11; ++i)
    node.advance(1s);
  CHECK(status().trouble == "the back does not answer");
}

}  // namespace
}  // namespace mtp::actors
