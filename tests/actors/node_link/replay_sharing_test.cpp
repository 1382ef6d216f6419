// What a front tells its back of handshakes that it has seen, and what it makes of those of others.
#include "tests/actors/node_link/seen_fixture.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

using handles = std::vector<caf::actor>;
using batch_list = std::vector<numbers>;

// -- a front
// ----------------------------------------------------------------------------------------

/// A front whose back the test plays.
struct telling_front {
  test::manual_node node;
  caf::actor front;
  caf::actor session_actor;
  caf::actor gateway;
  test::inbox<link_blob> partner{node.system()};
  link_answer answer{.verdict = link_answer::kind::welcome, .build = "1.0", .node = 9};
  std::uint64_t session = 0;
  bool confirms = true;
  std::vector<caf::response_promise> unconfirmed;
  /// Of `link_share_atom`, and of `link_seen_atom`.
  std::vector<bool> wishes;
  std::vector<numbers> batches;

  telling_front() {
    share(true);
    gateway = node.system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
      return {
          [this](link_hello_atom, const std::string& text,
                 const handles&) -> caf::result<std::string, handles> {
            session = decode_link_hello(as_bytes(text)).value().session;
            return {std::string{as_text(encode_link_answer(answer))}, handles{partner.handle()}};
          },
          [](link_bye_atom, std::uint64_t) {},
          [this](std::uint64_t place) { unconfirmed.at(place).deliver(caf::unit); },
          [this](link_share_atom, std::uint64_t of, bool wanted) {
            CHECK(of == session);
            wishes.push_back(wanted);
          },
          [this, self](link_seen_atom, std::uint64_t of,
                       const std::string& batch) -> caf::result<void> {
            CHECK(of == session);
            batches.push_back(numbers_in(batch));
            auto promise = self->make_response_promise();
            if (confirms)
              promise.deliver(caf::unit);
            else
              unconfirmed.push_back(promise);
            return caf::delegated<void>{};
          }};
    });
    node.core.names.put(std::string{names::link_gateway}, gateway);
    front = net::spawn_pinned<front_agent>(*node.core.reactors[0], std::ref(node.link));
    node.core.names.put(names::front_agent(0), front);
  }
  telling_front(const telling_front&) = delete;
  telling_front& operator=(const telling_front&) = delete;
  telling_front(telling_front&&) = delete;
  telling_front& operator=(telling_front&&) = delete;
  ~telling_front() {
    for (const auto& actor : {session_actor, front, gateway})
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    node.settle();
  }
  void share(bool on) {
    node.configure([&](auto& all) {
      all.process.through_link_agents = true;
      all.client.replay_share = on;
    });
    if (session_actor != nullptr) caf::anon_send(session_actor, config_changed{});
    node.settle();
  }
  void connect() {
    session_actor =
        net::spawn_pinned<local_back_session>(*node.core.reactors[0], std::ref(node.link), 0U);
    node.core.names.put(names::back_session(0), session_actor);
    node.advance(20ms);
    node.advance(20ms);
  }
  /// The session ends; another one begins.
  void connect_again() {
    caf::anon_send(session_actor, link_broken{session, "for the test"});
    for (int i = 0; i < 10; ++i)
      node.advance(50ms);
  }
  /// The first batch.
  void confirm() {
    caf::anon_send(gateway, std::uint64_t{0});
    node.settle();
  }
  /// Whether a client's handshake is refused.
  bool meets(std::uint32_t number) { return node.link.shared_replays.is_replay(handshake(number)); }
  void wait() {
    for (int i = 0; i < 6; ++i)
      node.advance(50ms);
  }
  void hear(std::uint64_t of, const std::string& from, const std::string& batch) {
    caf::anon_send(session_actor, link_seen_atom::value, of, from, batch);
    node.settle();
  }
  double count(const std::string& name) { return count_of(node.core.metrics, name); }
};

TEST_CASE_FIXTURE(telling_front, "sharing front: what is new is told within 300 ms, and once") {
  connect();
  CHECK(wishes == std::vector{true});
  wait();
  CHECK(batches.empty());
  CHECK_FALSE(meets(1));
  CHECK_FALSE(meets(2));
  wait();
  CHECK(batches == batch_list{numbers{1, 2}});
  CHECK_FALSE(meets(3));
  wait();
  wait();
  CHECK(batches == batch_list{numbers{1, 2}, numbers{3}});
  CHECK(count("sent") == 3);
}

TEST_CASE_FIXTURE(telling_front, "sharing front: what came before the session is told in batches") {
  for (std::uint32_t i = 0; i < max_seen_records + 5; ++i)
    CHECK_FALSE(meets(i));
  connect();
  // The session is there, and knows the option, from now on.
  CHECK(batches.empty());
  for (std::uint32_t i = 0; i < max_seen_records + 5; ++i)
    CHECK_FALSE(meets(i));
  wait();
  // The next one at once, as the first was confirmed.
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].size() == max_seen_records);
  CHECK(batches[1].size() == 5);
}

TEST_CASE_FIXTURE(telling_front, "sharing front: a back that does not confirm gets nothing more") {
  confirms = false;
  connect();
  CHECK_FALSE(meets(1));
  wait();
  CHECK_FALSE(meets(2));
  wait();
  CHECK(batches == batch_list{numbers{1}});
  CHECK(count("sent") == 0);
  SUBCASE("until it does") {
    confirms = true;
    confirm();
    wait();
    CHECK(batches == batch_list{numbers{1}, numbers{2}});
  }
  SUBCASE("until its time is up") {
    confirms = true;
    node.advance(seen_patience + 1s);
    wait();
    CHECK(batches == batch_list{numbers{1}, numbers{1, 2}});
  }
  SUBCASE("until the next session, which knows nothing of it") {
    confirms = true;
    connect_again();
    wait();
    CHECK(batches == batch_list{numbers{1}, numbers{1, 2}});
    confirm();
    wait();
    CHECK(batches.size() == 2);
  }
}

TEST_CASE_FIXTURE(telling_front, "sharing front: each session begins with all that is remembered") {
  connect();
  CHECK_FALSE(meets(1));
  wait();
  CHECK_FALSE(meets(2));
  SUBCASE("the same process") {
    connect_again();
    wait();
    CHECK(batches == batch_list{numbers{1}, numbers{1, 2}});
  }
  SUBCASE("another one") {
    answer.node = 10;
    connect_again();
    wait();
    CHECK(batches == batch_list{numbers{1}, numbers{1, 2}});
  }
}

TEST_CASE_FIXTURE(telling_front, "sharing front: nothing is said to a back that can't share") {
  SUBCASE("of version 4") {
    answer.offer.capabilities = link_capability::farewell;
  }
  SUBCASE("of version 3") {
    answer.offer = old_link_offer;
  }
  connect();
  CHECK_FALSE(meets(1));
  wait();
  CHECK(wishes.empty());
  CHECK(batches.empty());
}

TEST_CASE_FIXTURE(telling_front, "sharing front: the option is followed both ways") {
  share(false);
  connect();
  CHECK_FALSE(meets(1));
  hear(session, "other", encoded({handshake(2)}));
  CHECK_FALSE(meets(2));
  wait();
  CHECK(wishes.empty());
  CHECK(batches.empty());
  CHECK(node.link.shared_replays.memory() == 0);
  CHECK(count("received") == 0);

  share(true);
  CHECK(wishes == std::vector{true});
  hear(session, "other", encoded({handshake(2)}));
  CHECK(meets(2));
  CHECK_FALSE(meets(3));
  wait();
  CHECK(batches == batch_list{numbers{3}});

  share(false);
  CHECK(wishes == std::vector{true, false});
  CHECK(node.link.shared_replays.memory() == 0);
  CHECK_FALSE(meets(2));
  CHECK_FALSE(meets(4));
  wait();
  share(true);
  wait();
  CHECK(wishes == std::vector{true, false, true});
  CHECK(batches == batch_list{numbers{3}});
}

TEST_CASE_FIXTURE(telling_front,
                  "sharing front: what others have seen is refused, and not told on") {
  connect();
  hear(session, "other", encoded(many(1, 3)));
  CHECK(count("received") == 3);
  CHECK(meets(1));
  CHECK(meets(3));
  CHECK(count("refused") == 2);
  wait();
  CHECK(batches.empty());
  // Nothing of another session, and nothing that can't be read.
  hear(session + 1, "other", encoded({handshake(10)}));
  CHECK_FALSE(meets(10));
  CHECK(count("dropped") == 0);
  hear(session, "other", encoded({handshake(11)}) + "x");
  CHECK_FALSE(meets(11));
  hear(session, std::string(1000, 'x'), encoded({handshake(12)}));
  CHECK_FALSE(meets(12));
  CHECK(count("dropped") == 2);
}

}  // namespace
}  // namespace mtp::actors
