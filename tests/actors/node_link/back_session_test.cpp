// What a front makes of the answers to its hello.
#include "actors/core/names.hpp"
#include "actors/node_link/remote_back_session.hpp"
#include "tests/actors/node_link/link_fixture.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

using handles = std::vector<caf::actor>;

/// A gateway that answers as it is told.
const config::back_address one_back{.name = "one", .host = "192.0.2.1", .port = 9199};
const config::back_address other_back{.name = "other", .host = "192.0.2.2", .port = 9199};

struct scripted {
  test::manual_node node;
  caf::actor front;
  caf::actor session_actor;
  caf::actor gateway;
  std::vector<link_hello> hellos;
  std::vector<std::uint64_t> byes;
  std::function<link_answer(const link_hello&)> answer;
  test::inbox<link_blob> partner{node.system()};

  scripted() {
    node.configure([&](auto& all) { all.process.through_link_agents = true; });
    node.core.build = "1.0";
    gateway = node.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](link_hello_atom, const std::string& text,
                     const handles&) -> caf::result<std::string, handles> {
                const auto hello = decode_link_hello(as_bytes(text));
                REQUIRE(hello);
                hellos.push_back(*hello);
                const auto said = answer(*hello);
                handles agents;
                if (said.verdict == link_answer::kind::welcome) agents.push_back(partner.handle());
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
    for (const auto& actor : {session_actor, front, gateway})
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    node.settle();
  }
  back_status run(std::size_t place = 0) {
    front = net::spawn_pinned<front_agent>(*node.core.reactors[0], std::ref(node.link));
    node.core.names.put(names::front_agent(0), front);
    session_actor =
        net::spawn_pinned<local_back_session>(*node.core.reactors[0], std::ref(node.link), place);
    node.core.names.put(names::back_session(place), session_actor);
    node.advance(20ms);
    node.advance(20ms);
    return status();
  }
  void set_backs(std::vector<config::back_address> backs) {
    node.configure([&](auto& all) {
      all.process.role = config::node_role::front;
      all.link.back_nodes = std::move(backs);
    });
    for (const auto& told : {session_actor, front})
      if (told != nullptr) caf::anon_send(told, config_changed{});
    node.settle();
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
};

TEST_CASE_FIXTURE(scripted, "front: a welcome begins a session") {
  answer = [](const link_hello&) {
    return link_answer{.verdict = link_answer::kind::welcome, .build = "2.0"};
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
    return link_answer{.verdict = link_answer::kind::welcome, .build = "2.0"};
  };
  std::string trouble;
  bool is_disowned = false;
  SUBCASE("refused") {
    answer = [](const link_hello&) { return link_answer{.reason = "you smell"}; };
    trouble = "the back refuses: you smell";
  }
  SUBCASE("another version") {
    answer = [](const link_hello&) {
      return link_answer{.offer = {.highest = 9, .lowest = 9},
                         .verdict = link_answer::kind::welcome,
                         .build = "2.0"};
    };
    trouble =
        "link versions differ: ours is 3 to 4 (build 1.0), the back's 9 (build 2.0); use the same "
        "build on both";
  }
  SUBCASE("a challenge, and no cookie here") {
    answer = [](const link_hello&) { return link_answer{.verdict = link_answer::kind::challenge}; };
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
    answer = [](const link_hello&) { return link_answer{.verdict = link_answer::kind::challenge}; };
    trouble = "the back asks for the cluster_cookie again";
  }
  node.configure([&](auto& all) { all.link.node_link.cluster_cookie = cookie; });
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
    return link_answer{.verdict = link_answer::kind::welcome, .build = "2.0"};
  };
  set_backs({one_back, other_back});
  const auto known = node.link.backs.get();
  REQUIRE(run((*known)[0].place).connected);
  const auto second = net::spawn_pinned<local_back_session>(*node.core.reactors[0],
                                                            std::ref(node.link), (*known)[1].place);
  const auto first = std::exchange(session_actor, second);
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
  session_actor = first;
  CHECK(status().connected);
  CHECK(status().sessions == 1);

  // When it is free it is taken, within a minute.
  caf::anon_send_exit(first, caf::exit_reason::kill);
  session_actor = second;
  for (int i = 0; i < 62; ++i)
    node.advance(1s);
  CHECK(status().connected);
}

TEST_CASE_FIXTURE(scripted, "front: a back that is on no list is left once no reactor uses it") {
  test::inbox<stop_child> sup{node.system()};
  node.core.names.put(std::string{names::back_session_sup}, sup.handle());
  answer = [](const link_hello&) {
    return link_answer{.verdict = link_answer::kind::welcome, .build = "2.0"};
  };
  set_backs({one_back, other_back});
  const auto place = node.link.backs.get()->front().place;
  REQUIRE(run(place).connected);
  set_backs({other_back});
  CHECK(sup.all<stop_child>().empty());
  caf::anon_send(session_actor, back_usage{.reactor = 0, .in_use = false});
  node.settle();
  REQUIRE(sup.all<stop_child>().size() == 1);
  CHECK(sup.all<stop_child>()[0].id == names::back_session(place));
  CHECK_FALSE(node.link.backs.find(place));
}

TEST_CASE_FIXTURE(scripted,
                  "front: a back that is on no list is tried on until another one is reached") {
  test::inbox<stop_child> sup{node.system()};
  node.core.names.put(std::string{names::back_session_sup}, sup.handle());
  answer = [](const link_hello&) {
    return link_answer{.verdict = link_answer::kind::welcome, .build = "2.0"};
  };
  set_backs({one_back, other_back});
  const auto places = *node.link.backs.get();
  REQUIRE(run(places[0].place).connected);
  set_backs({other_back});
  answer = [](const link_hello&) { return link_answer{.reason = "not today"}; };
  caf::anon_send(session_actor, link_broken{hellos.back().session, "a test"});
  for (int i = 0; i < 20; ++i)
    node.advance(1s);
  CHECK(sup.all<stop_child>().empty());
  CHECK(hellos.size() > 2);
  CHECK_FALSE(node.link.reached_backs.claim(places[1].place, caf::node_id{}));
  for (int i = 0; i < 6; ++i)
    node.advance(1s);
  CHECK(sup.all<stop_child>().size() == 1);
}

TEST_CASE_FIXTURE(scripted,
                  "front: a back that is on no list and was never reached is left at once") {
  test::inbox<stop_child> sup{node.system()};
  node.core.names.put(std::string{names::back_session_sup}, sup.handle());
  answer = [](const link_hello&) { return link_answer{.reason = "not today"}; };
  set_backs({one_back, other_back});
  const auto place = node.link.backs.get()->front().place;
  REQUIRE_FALSE(run(place).connected);
  set_backs({other_back});
  CHECK(sup.all<stop_child>().size() == 1);
  CHECK_FALSE(node.link.backs.find(place));
}

TEST_CASE_FIXTURE(scripted, "front: another way to a back that is being left takes its place") {
  test::inbox<stop_child> sup{node.system()};
  node.core.names.put(std::string{names::back_session_sup}, sup.handle());
  answer = [](const link_hello&) {
    return link_answer{.verdict = link_answer::kind::welcome, .build = "2.0"};
  };
  set_backs({one_back});
  const auto place = node.link.backs.get()->front().place;
  REQUIRE(run(place).connected);
  set_backs({other_back});
  CHECK(sup.all<stop_child>().empty());
  const auto first = std::exchange(session_actor, net::spawn_pinned<local_back_session>(
                                                      *node.core.reactors[0], std::ref(node.link),
                                                      node.link.backs.get()->front().place));
  node.advance(20ms);
  node.advance(20ms);
  CHECK(status().trouble == "it is the same node as back one@192.0.2.1:9199");
  REQUIRE(sup.all<stop_child>().size() == 1);
  CHECK(sup.all<stop_child>()[0].id == names::back_session(place));
  caf::anon_send_exit(first, caf::exit_reason::user_shutdown);
  node.advance(1s);
  node.advance(1s);
  CHECK(status().connected);
  CHECK(byes.size() == 1);
}

TEST_CASE_FIXTURE(scripted, "front: a session that dials answers nothing that it does not know") {
  set_backs({{.name = "one", .host = "127.0.0.1", .port = 1}});
  session_actor =
      net::spawn_pinned<remote_back_session>(*node.core.reactors[0], std::ref(node.link), 0);
  caf::error refusal;
  node.system().spawn([&](caf::event_based_actor* self) {
    self->request(session_actor, caf::infinite, std::string{"nobody asked for this"})
        .then([] {}, [&](const caf::error& why) { refusal = why; });
  });
  node.settle();
  CHECK(refusal == caf::sec::unexpected_message);
}

TEST_CASE_FIXTURE(scripted, "front: a back that does not answer is given up after a while") {
  answer = [](const link_hello&) {
    return link_answer{.verdict = link_answer::kind::welcome, .build = "2.0"};
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
