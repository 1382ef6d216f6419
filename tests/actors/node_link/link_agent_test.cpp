#include "actors/core/names.hpp"
#include "tests/actors/node_link/link_fixture.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

// -- streams ------------------------------------------------------------------------------------

TEST_CASE_FIXTURE(link_fixture,
                  "link: what a client asks for arrives whole, under a number of its own") {
  open();
  const auto& asked = dc.all<open_stream>()[0];
  CHECK(asked.client != front);
  CHECK(asked.request.dc == tested_dc);
  CHECK(asked.request.client == *parse_endpoint("198.51.100.7:1234"));
  CHECK(asked.request.kind == framing::padded);
}

TEST_CASE_FIXTURE(link_fixture, "link: every event passes, in order") {
  open();
  from_client(packet(8, 1, true));
  from_client(stream::ack{.size = 5, .packets = 1});
  CHECK(at_dc() == dc_frames{{local(), packet(8, 1, true)}, {local(), stream::ack{5, 1}}});
  from_dc(packet(12, 2));
  from_dc(stream::quick_ack{0x8000'0001U});
  from_dc(stream::ack{.size = 9, .packets = 0});
  from_dc(stream::close{});
  CHECK(at_client() == client_frames{{remote, packet(12, 2)},
                                     {remote, stream::quick_ack{0x8000'0001U}},
                                     {remote, stream::ack{9, 0}},
                                     {remote, stream::close{}}});
  // It is over for both.
  from_client(packet(8));
  from_dc(packet(8));
  CHECK(at_dc().size() == 2);
  CHECK(at_client().size() == 4);
}

TEST_CASE_FIXTURE(link_fixture, "link: large packets arrive whole, and what follows behind them") {
  open();
  from_client(packet(900'000, 3, true));
  from_client(stream::close{});
  CHECK(at_dc() == dc_frames{{local(), packet(900'000, 3, true)}, {local(), stream::close{}}});
}

TEST_CASE_FIXTURE(link_fixture, "link: a client that leaves is closed, or taken off the queue") {
  SUBCASE("open") {
    open();
    from_client(stream::close{});
    CHECK(at_dc() == dc_frames{{local(), stream::close{}}});
  }
  SUBCASE("waiting") {
    ask();
    caf::anon_send(front, cancel_stream{remote});
    node.settle();
    REQUIRE(dc.all<cancel_stream>().size() == 1);
    CHECK(dc.all<cancel_stream>()[0].stream == local());
    // The pool was faster.
    caf::anon_send(back(), stream_opened{local(), dc.handle()});
    node.settle();
    CHECK(at_dc() == dc_frames{{local(), stream::close{}}});
    CHECK(client.all<stream_opened>().empty());
  }
}

TEST_CASE_FIXTURE(link_fixture,
                  "link: data that comes back refused after a migration finds its client") {
  open();
  from_dc(stream::migrate{});
  CHECK(at_client() == client_frames{{remote, stream::migrate{}}});
  // Its DC connection may be gone by the time it comes, so the agent says so.
  from_client(packet(8));
  CHECK(at_dc().empty());
  CHECK(at_client().back() == frame_to_client{remote, stream::refused{refusal::migrating}});
}

TEST_CASE_FIXTURE(link_fixture, "link: a migrated stream is forgotten after a while") {
  open();
  from_dc(stream::migrate{});
  for (int i = 0; i < 70; ++i)
    node.advance(1s);
  from_client(packet(8));
  CHECK(at_dc().empty());
  CHECK(at_client().size() == 1);
}

/// So many clients migrate three times, 20 s apart: twice in the time for which a stream is
/// remembered.
struct busy_front : link_fixture {
  void rotate(std::size_t crowd) {
    stream_id next = 1000;
    for (int turn = 0; turn < 3; ++turn) {
      dc.all<open_stream>().clear();
      for (std::size_t i = 0; i < crowd; ++i)
        caf::anon_send(front, open_stream{.stream = next++,
                                          .client = client.handle(),
                                          .request = {.dc = tested_dc, .client = {}}});
      node.settle();
      REQUIRE(dc.all<open_stream>().size() == crowd);
      for (const auto& request : dc.all<open_stream>())
        caf::anon_send(request.client, stream_opened{request.stream, dc.handle()});
      node.settle();
      for (const auto& request : dc.all<open_stream>())
        caf::anon_send(request.client, frame_to_client{request.stream, stream::migrate{}});
      node.settle();
      node.advance(20s);
    }
    CHECK(status().connected);
    CHECK(status().sessions == 1);
    CHECK(client.all<stream_opened>().size() == 3 * crowd);
    CHECK(at_client().size() == 3 * crowd);
  }
};

TEST_CASE_FIXTURE(busy_front, "link: a front keeps to the rules, however often DCs rotate") {
  rotate(2'000);
}

TEST_CASE_FIXTURE(busy_front, "link: so does a busy one, with as many clients as a port takes" *
                                  doctest::test_suite("long")) {
  rotate(60'000);
}

TEST_CASE_FIXTURE(link_fixture, "link: without a pool the client is told to ask again") {
  node.core.names.remove(names::dc_pool(tested_dc), dc.handle().address());
  ask();
  CHECK(at_client() == client_frames{{remote, stream::migrate{}}});
}

TEST_CASE_FIXTURE(link_fixture,
                  "link: a pool that dies with the request is one that is not there") {
  caf::anon_send_exit(dc.handle(), caf::exit_reason::kill);
  ask();
  CHECK(at_client() == client_frames{{remote, stream::migrate{}}});
}

// -- sessions -----------------------------------------------------------------------------------

TEST_CASE_FIXTURE(link_fixture,
                  "link: whichever part of it dies, clients migrate, and the next session serves "
                  "them") {
  open();
  const auto session = status().session;
  CHECK(session != 0);
  SUBCASE("back agent") {
    kill(back());
  }
  SUBCASE("gateway") {
    kill(gateway);
    start_gateway();
  }
  SUBCASE("back_session") {
    kill(session_actor);
    session_actor =
        net::spawn_pinned<local_back_session>(*node.core.reactors[0], std::ref(node.link), 0U);
    node.core.names.put(names::back_session(0), session_actor);
  }
  SUBCASE("front agent") {
    kill(front);
    start_front();
  }
  connect();
  REQUIRE(at_client().size() == 1);
  CHECK(std::holds_alternative<stream::migrate>(at_client()[0].event));
  // Its connections do not wait for a ghost.
  CHECK(at_dc() == dc_frames{{local(), stream::close{}}});
  CHECK(status().connected);
  CHECK(status().session != session);
  REQUIRE(fronts().size() == 1);
  CHECK(fronts()[0].session == status().session);
  open(78);
}

TEST_CASE_FIXTURE(link_fixture, "link: clients that come while there is no session wait for one") {
  kill(gateway);
  connect();
  CHECK_FALSE(status().connected);
  CHECK(status().trouble == "it has stopped, or restarts");
  // Not since the latest attempt.
  for (int i = 0; i < 20; ++i)
    node.advance(1s);
  CHECK_FALSE(status().connected);
  CHECK(status().age >= 20s);
  ask(80);
  ask(81);
  ask(82);
  caf::anon_send(front, cancel_stream{81});
  node.settle();
  CHECK(dc.all<open_stream>().empty());
  start_gateway();
  for (int i = 0; i < 6; ++i)
    node.advance(1s);
  CHECK(dc.all<open_stream>().size() == 2);
  CHECK(at_client().empty());
}

TEST_CASE_FIXTURE(link_fixture,
                  "link: a client whose data may be lost with the session is closed") {
  open();
  open(78);
  from_client(packet(100), 78);
  // The back has taken it but has not said so yet.
  kill(back());
  connect();
  REQUIRE(at_client().size() == 2);
  std::ranges::sort(at_client(), {}, &frame_to_client::stream);
  CHECK(std::holds_alternative<stream::migrate>(at_client()[0].event));
  CHECK(at_client()[1] == frame_to_client{78, stream::refused{refusal::migrating}});
}

TEST_CASE_FIXTURE(link_fixture, "link: what the back confirmed is not lost with the session") {
  open();
  from_client(packet(100));
  for (int i = 0; i < 3; ++i)
    node.advance(1s);
  kill(back());
  connect();
  REQUIRE(at_client().size() == 1);
  const auto* const migrate = std::get_if<stream::migrate>(&at_client()[0].event);
  REQUIRE(migrate != nullptr);
  // Both say every second that they are there.
  CHECK(migrate->deaf <= 1s);
}

TEST_CASE_FIXTURE(link_fixture, "link: an end in order leaves nothing behind") {
  open();
  from_client(stream::close{});
  caf::anon_send_exit(front, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(session_actor, caf::exit_reason::user_shutdown);
  node.settle();
  CHECK(fronts().empty());
  CHECK(at_dc() == dc_frames{{local(), stream::close{}}});
  CHECK(node.core.memory.held() == 0);
}

}  // namespace
}  // namespace mtp::actors
