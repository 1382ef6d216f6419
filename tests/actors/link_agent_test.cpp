#include "actors/link_agent.hpp"

#include <doctest/doctest.h>

#include "actors/dc_pool.hpp"
#include "actors/routing.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

constexpr dc_id tested_dc = 2;
constexpr stream_id remote = 77;

/// Both agents, between a client's inbox and one that plays pool and DC connection.
struct fixture {
  test::manual_node node;
  test::inbox<stream_opened, stream_frame> client{node.system()};
  test::inbox<open_stream, stream_frame, cancel_stream> dc{node.system()};
  caf::actor front;
  caf::actor back;
  unsigned refused_requests = 0;

  fixture() {
    auto config = std::make_shared<telegram_config>();
    config->v4.endpoints[tested_dc].push_back(*parse_endpoint("10.0.0.1:8888"));
    node.env.telegram.set(std::move(config));
    node.env.names.put(dc_pool_name(tested_dc), dc.handle());
    start_front();
    start_back();
    node.advance(200ms);
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  fixture(fixture&&) = delete;
  fixture& operator=(fixture&&) = delete;
  ~fixture() {
    kill(front);
    kill(back);
  }

  void start_front() {
    front = net::spawn_pinned<front_link_agent>(*node.env.reactors[0], std::ref(node.env));
    node.settle();
  }
  void start_back() {
    back = net::spawn_pinned<back_link_agent>(*node.env.reactors[0], std::ref(node.env));
    node.env.names.put(back_agent_name(0), back);
    node.settle();
  }
  void kill(const caf::actor& which) {
    caf::anon_send_exit(which, caf::exit_reason::kill);
    node.settle();
  }
  void ask(stream_id id = remote, dc_id dc_wanted = tested_dc) {
    node.system().spawn([&](caf::event_based_actor* self) {
      self->request(front, caf::infinite,
                    open_stream{.stream = id,
                                .client = client.handle(),
                                .request = {.dc = dc_wanted,
                                            .client = *parse_endpoint("198.51.100.7:1234"),
                                            .kind = transport::padded}})
          .then([] {}, [this](const caf::error&) { ++refused_requests; });
    });
    node.settle();
  }
  /// The number that the back knows the last stream by.
  stream_id local() {
    REQUIRE_FALSE(dc.all<open_stream>().empty());
    return dc.all<open_stream>().back().stream;
  }
  void open() {
    ask();
    caf::anon_send(back, stream_opened{local(), dc.handle()});
    node.settle();
    REQUIRE_FALSE(client.all<stream_opened>().empty());
    CHECK(client.all<stream_opened>().back().stream == remote);
    CHECK(client.all<stream_opened>().back().link == front);
  }
  void from_client(stream::event event, stream_id id = remote) {
    caf::anon_send(front, stream_frame{id, std::move(event)});
    node.settle();
  }
  void from_dc(stream::event event) {
    caf::anon_send(back, stream_frame{local(), std::move(event)});
    node.settle();
  }
  std::vector<stream_frame>& at_client() { return client.all<stream_frame>(); }
  std::vector<stream_frame>& at_dc() { return dc.all<stream_frame>(); }
  using frames = std::vector<stream_frame>;
};

TEST_CASE_FIXTURE(fixture,
                  "link: what a client asks for arrives whole, under a number of its own") {
  open();
  const auto& asked = dc.all<open_stream>()[0];
  CHECK(asked.client == back);
  CHECK(asked.request.dc == tested_dc);
  CHECK(asked.request.client == *parse_endpoint("198.51.100.7:1234"));
  CHECK(asked.request.kind == transport::padded);
}

TEST_CASE_FIXTURE(fixture, "link: every event passes, in order") {
  open();
  from_client(stream::data{packet_buffer{bytes(8, 1)}, true});
  from_client(stream::ack{.size = 5, .packets = 1});
  CHECK(at_dc() == frames{{local(), stream::data{packet_buffer{bytes(8, 1)}, true}},
                          {local(), stream::ack{5, 1}}});
  from_dc(stream::data{packet_buffer{bytes(12, 2)}, false});
  from_dc(stream::quick_ack{0x8000'0001U});
  from_dc(stream::ack{.size = 9, .packets = 0});
  from_dc(stream::close{});
  CHECK(at_client() == frames{{remote, stream::data{packet_buffer{bytes(12, 2)}, false}},
                              {remote, stream::quick_ack{0x8000'0001U}},
                              {remote, stream::ack{9, 0}},
                              {remote, stream::close{}}});
  // It is over for both.
  from_client(stream::data{packet_buffer{bytes(8, 1)}, false});
  from_dc(stream::data{packet_buffer{bytes(8, 1)}, false});
  CHECK(at_dc().size() == 2);
  CHECK(at_client().size() == 4);
}

TEST_CASE_FIXTURE(fixture, "link: a client that leaves is closed, or taken off the queue") {
  SUBCASE("open") {
    open();
    from_client(stream::close{});
    CHECK(at_dc() == frames{{local(), stream::close{}}});
  }
  SUBCASE("waiting") {
    ask();
    caf::anon_send(front, cancel_stream{remote});
    node.settle();
    REQUIRE(dc.all<cancel_stream>().size() == 1);
    CHECK(dc.all<cancel_stream>()[0].stream == local());
    // The pool was faster.
    caf::anon_send(back, stream_opened{local(), dc.handle()});
    node.settle();
    CHECK(at_dc() == frames{{local(), stream::close{}}});
    CHECK(client.all<stream_opened>().empty());
  }
}

TEST_CASE_FIXTURE(fixture,
                  "link: data that comes back refused after a migration finds its client") {
  open();
  from_dc(stream::migrate{});
  CHECK(at_client() == frames{{remote, stream::migrate{}}});
  from_client(stream::data{packet_buffer{bytes(8, 1)}, false});
  CHECK(at_dc() == frames{{local(), stream::data{packet_buffer{bytes(8, 1)}, false}}});
  from_dc(stream::refused{refusal::migrating});
  CHECK(at_client().back() == stream_frame{remote, stream::refused{refusal::migrating}});
}

TEST_CASE_FIXTURE(fixture, "link: a migrated stream is forgotten after a while") {
  open();
  from_dc(stream::migrate{});
  node.advance(13s);
  from_client(stream::data{packet_buffer{bytes(8, 1)}, false});
  CHECK(at_dc().empty());
}

TEST_CASE_FIXTURE(fixture, "link: without a pool the client is told to ask again") {
  node.env.names.remove(dc_pool_name(tested_dc), dc.handle().address());
  ask();
  CHECK(at_client() == frames{{remote, stream::migrate{}}});
}

TEST_CASE_FIXTURE(fixture, "link: a pool that dies with the request is one that is not there") {
  caf::anon_send_exit(dc.handle(), caf::exit_reason::kill);
  ask();
  CHECK(at_client() == frames{{remote, stream::migrate{}}});
}

TEST_CASE_FIXTURE(fixture,
                  "link: when the back agent dies, clients migrate, and the next one serves them") {
  open();
  kill(back);
  CHECK(at_client() == frames{{remote, stream::migrate{}}});
  // Its connections do not wait for a ghost.
  CHECK(at_dc() == frames{{local(), stream::close{}}});
  ask(78);
  CHECK(refused_requests == 1);
  start_back();
  node.advance(200ms);
  ask(79);
  CHECK(dc.all<open_stream>().size() == 2);
  CHECK(refused_requests == 1);
}

TEST_CASE_FIXTURE(
    fixture, "link: when the front agent dies, its streams are closed, and its clients migrate") {
  open();
  kill(front);
  CHECK(at_client() == frames{{remote, stream::migrate{}}});
  CHECK(at_dc() == frames{{local(), stream::close{}}});
  start_front();
  open();
}

TEST_CASE_FIXTURE(fixture, "link: a blob of an old session means nothing; garbage ends the agent") {
  open();
  bytes blob;
  SUBCASE("old session") {
    begin_stream_blob(1, blob);
    encode_stream_frame({remote, stream::close{}}, blob);
    caf::anon_send(back, link_blob{blob});
    node.settle();
    CHECK(at_dc().empty());
  }
  SUBCASE("garbage") {
    caf::anon_send(front, link_blob{bytes(40, 0xff)});
    node.settle();
    CHECK(at_client() == frames{{remote, stream::migrate{}}});
  }
}

}  // namespace
}  // namespace mtp::actors
