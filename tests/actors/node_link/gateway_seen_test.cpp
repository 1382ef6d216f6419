// Whom a back tells of handshakes that its fronts have seen.
#include "tests/actors/node_link/seen_fixture.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

using handles = std::vector<caf::actor>;

/// A front that the test plays, with a session.
struct played_front {
  link_fixture& at;
  std::string name;
  link_hello hello;
  test::inbox<link_blob> agent{at.node.system()};
  caf::actor session_actor;
  bool confirms = true;
  std::vector<caf::response_promise> unconfirmed;
  std::vector<std::pair<std::string, numbers>> heard;

  played_front(link_fixture& fixture, std::string called, std::uint64_t session,
               std::uint64_t capabilities = link_capability::all)
      : at{fixture},
        name{std::move(called)},
        hello{.offer = {.capabilities = capabilities},
              .build = "1",
              .name = name,
              .node = session,
              .session = session,
              .clock = std::time(nullptr)} {
    session_actor = at.node.system().spawn([this](caf::event_based_actor* self) -> caf::behavior {
      return {[this, self](const std::string& text) {
                self->request(at.gateway, caf::infinite, link_hello_atom::value, text,
                              handles{agent.handle()})
                    .then([](const std::string& said, const handles&) {
                      const auto read = decode_link_answer(as_bytes(said));
                      REQUIRE(read);
                      CHECK(read->verdict == link_answer::kind::welcome);
                    });
              },
              [this, self](link_share_atom, std::uint64_t of, bool wanted) {
                self->send(at.gateway, link_share_atom::value, of, wanted);
              },
              [this, self](link_seen_atom, std::uint64_t of, const std::string& batch) {
                self->send(at.gateway, link_seen_atom::value, of, batch);
              },
              [](link_bye_atom, std::uint64_t, const std::string&) {},
              [this](std::uint64_t place) { unconfirmed.at(place).deliver(caf::unit); },
              [this, self](link_seen_atom, std::uint64_t of, const std::string& from,
                           const std::string& batch) -> caf::result<void> {
                CHECK(of == hello.session);
                heard.emplace_back(from, numbers_in(batch));
                auto promise = self->make_response_promise();
                if (confirms)
                  promise.deliver(caf::unit);
                else
                  unconfirmed.push_back(promise);
                return caf::delegated<void>{};
              }};
    });
    caf::anon_send(session_actor, std::string{as_text(encode_link_hello(hello))});
    at.node.settle();
  }
  played_front(const played_front&) = delete;
  played_front& operator=(const played_front&) = delete;
  played_front(played_front&&) = delete;
  played_front& operator=(played_front&&) = delete;
  ~played_front() { at.kill(session_actor); }

  void share(bool wanted = true) {
    caf::anon_send(session_actor, link_share_atom::value, hello.session, wanted);
    at.node.settle();
  }
  /// The first batch.
  void confirm() {
    caf::anon_send(session_actor, std::uint64_t{0});
    at.node.settle();
  }
  void tell_raw(std::uint64_t session, const std::string& batch) {
    caf::anon_send(session_actor, link_seen_atom::value, session, batch);
    at.node.settle();
  }
  void tell(const handshakes& seen) { tell_raw(hello.session, encoded(seen)); }
};
using told = std::vector<std::pair<std::string, numbers>>;

TEST_CASE_FIXTURE(link_fixture,
                  "sharing back: what a front tells goes to the others that want it") {
  played_front a{*this, "a", 101};
  played_front b{*this, "b", 102};
  played_front c{*this, "c", 103};
  played_front old{*this, "old", 104, link_capability::farewell};
  for (auto* const sharing : {&a, &b, &old})
    sharing->share();
  a.tell({handshake(1), handshake(2)});
  CHECK(b.heard == told{{"a", {1, 2}}});
  CHECK(a.heard.empty());
  CHECK(c.heard.empty());
  CHECK(old.heard.empty());
  // A later one hears what is remembered, and so does another process of a front.
  b.tell({handshake(3)});
  c.share();
  CHECK(c.heard == told{{"a", {1, 2}}, {"b", {3}}});
  played_front again{*this, "a", 105};
  again.share();
  CHECK(again.heard == told{{"a", {1, 2}}, {"b", {3}}});
  CHECK(count_of(node.core.metrics, "received") == 3);
  CHECK(count_of(node.core.metrics, "sent") == 2 + 1 + 3 + 3);
  c.share(false);
  a.tell({handshake(4)});
  CHECK(c.heard.size() == 2);
  CHECK(b.heard.back() == told::value_type{"a", {4}});
}

TEST_CASE_FIXTURE(link_fixture,
                  "sharing back: what is not of a front's own session means nothing") {
  played_front a{*this, "a", 101};
  played_front b{*this, "b", 102};
  b.share();
  a.tell_raw(102, encoded({handshake(1)}));
  a.tell_raw(999, encoded({handshake(1)}));
  caf::anon_send(gateway, link_seen_atom::value, std::uint64_t{101}, encoded({handshake(1)}));
  played_front old{*this, "old", 104, link_capability::farewell};
  old.tell({handshake(1)});
  CHECK(count_of(node.core.metrics, "dropped") == 0);
  a.tell_raw(101, "");
  a.tell_raw(101, encoded({handshake(1)}) + "x");
  a.tell_raw(101, std::string((max_seen_records + 1) * seen_record_size, 'x'));
  CHECK(b.heard.empty());
  CHECK(count_of(node.core.metrics, "dropped") == 3);
  CHECK(fronts().size() == 4);
}

TEST_CASE_FIXTURE(link_fixture,
                  "sharing back: a slow front gets a batch at a time, of each other one") {
  played_front a{*this, "a", 101};
  played_front b{*this, "b", 102};
  played_front slow{*this, "slow", 103};
  played_front other{*this, "other", 104};
  slow.confirms = false;
  slow.share();
  other.share();
  a.tell({handshake(1)});
  a.tell({handshake(2)});
  a.tell({handshake(3)});
  b.tell({handshake(4)});
  CHECK(slow.heard == told{{"a", {1}}, {"b", {4}}});
  CHECK(other.heard.size() == 4);
  slow.confirm();
  CHECK(slow.heard == told{{"a", {1}}, {"b", {4}}, {"a", {2, 3}}});
  // One that never answers is not forgotten either.
  slow.confirms = true;
  node.advance(seen_patience + 1s);
  b.tell({handshake(5)});
  CHECK(slow.heard.back() == told::value_type{"b", {5}});
  CHECK(count_of(node.core.metrics, "dropped") == 3);
}

TEST_CASE_FIXTURE(link_fixture, "sharing back: a front that floods loses its own") {
  played_front a{*this, "a", 101};
  played_front bad{*this, "bad", 102};
  played_front reader{*this, "reader", 103};
  a.tell({handshake(1)});
  for (std::uint32_t i = 0; i < 20; ++i)
    bad.tell(many(1000 + i * 2000, max_seen_records));
  CHECK(count_of(node.core.metrics, "dropped") == 20 * max_seen_records - seen_ring_size);
  a.tell({handshake(2)});
  reader.share();
  REQUIRE_FALSE(reader.heard.empty());
  CHECK(reader.heard[0] == told::value_type{"a", {1, 2}});
  CHECK(reader.heard.size() == 1 + seen_ring_size / max_seen_records);
}

TEST_CASE_FIXTURE(link_fixture, "sharing back: a front that is long gone is forgotten") {
  {
    played_front gone{*this, "gone", 101};
    gone.tell({handshake(1)});
  }
  played_front a{*this, "a", 102};
  a.tell({handshake(2)});
  played_front reader{*this, "reader", 103};
  reader.share();
  CHECK(reader.heard == told{{"a", {2}}, {"gone", {1}}});
  node.advance(seen_exchange::memory_of_gone + 1min);
  node.advance(1min);
  played_front later{*this, "later", 104};
  later.share();
  CHECK(later.heard == told{{"a", {2}}});
}

// -- both ----------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(link_fixture, "sharing: from front to front through a back") {
  node.configure([&](auto& all) {
    all.client.replay_share = true;
    all.link.node_name = "us";
  });
  caf::anon_send(session_actor, config_changed{});
  node.settle();
  played_front other{*this, "other", 101};
  other.share();
  auto& shared = node.link.shared_replays;
  CHECK_FALSE(shared.is_replay(handshake(1)));
  for (int i = 0; i < 6; ++i)
    node.advance(50ms);
  REQUIRE(other.heard.size() == 1);
  CHECK(other.heard[0].second == numbers{1});
  other.tell({handshake(2)});
  CHECK(shared.is_replay(handshake(2)));
  CHECK(count_of(node.core.metrics, "refused") == 1);
}

}  // namespace
}  // namespace mtp::actors
