// A front agent with several backs.
#include "tests/actors/node_link/link_fixture.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

const config::back_address first_back{"a", "10.0.0.1", 1};
const config::back_address second_back{"b", "10.0.0.2", 1};

/// A front agent with two backs, which are inboxes.
struct two_backs {
  test::manual_node node;
  test::inbox<stream_opened, frame_to_client> client{node.system()};
  test::inbox<link_blob> first{node.system()};
  test::inbox<link_blob> second{node.system()};
  test::inbox<back_usage> first_session{node.system()};
  caf::actor front;

  explicit two_backs(config::back_choice how) {
    node.configure([&](auto& settings) {
      settings.process.role = config::node_role::front;
      settings.link.back_nodes = {first_back, second_back};
      settings.link.back_nodes_policy = how;
    });
    node.core.names.put(names::back_session(0), first_session.handle());
    front = net::spawn_pinned<front_agent>(*node.core.reactors[0], std::ref(node.link));
    node.settle();
  }
  two_backs(const two_backs&) = delete;
  two_backs& operator=(const two_backs&) = delete;
  two_backs(two_backs&&) = delete;
  two_backs& operator=(two_backs&&) = delete;
  ~two_backs() {
    caf::anon_send_exit(front, caf::exit_reason::kill);
    node.settle();
  }
  void up(std::size_t back) {
    caf::anon_send(
        front,
        link_up{.back = back, .session = 10 + back, .peer = (back == 0 ? first : second).handle()});
    node.settle();
  }
  void down(std::size_t back) {
    caf::anon_send(front, link_down{.back = back, .session = 10 + back});
    node.settle();
  }
  void open(stream_id id) {
    caf::anon_send(front, open_stream{.stream = id,
                                      .client = client.handle(),
                                      .request = {.dc = tested_dc, .client = {}}});
    node.settle();
  }
  /// As after a reload.
  void set_backs(std::vector<config::back_address> backs) {
    node.configure([&](auto& settings) { settings.link.back_nodes = std::move(backs); });
    caf::anon_send(front, config_changed{});
    node.settle();
  }
  std::vector<frame_to_client>& at_client() { return client.all<frame_to_client>(); }
  /// Streams of which anything came there.
  std::vector<stream_id> opened(test::inbox<link_blob>& at) {
    std::vector<stream_id> streams;
    for (const auto& blob : at.all<link_blob>()) {
      stream_blob_reader in{as_bytes(blob.content)};
      for (auto item = in.next(); item && *item; item = in.next())
        streams.push_back((*item)->stream);
    }
    return streams;
  }
};
using ids = std::vector<stream_id>;

TEST_CASE("failover: the first back that can be reached gets all clients") {
  two_backs here{config::back_choice::failover};
  here.up(1);
  here.open(1);
  here.up(0);
  here.open(2);
  here.open(3);
  CHECK(here.opened(here.first) == ids{2, 3});
  CHECK(here.opened(here.second) == ids{1});
  here.down(0);
  REQUIRE(here.client.all<frame_to_client>().size() == 2);
  here.open(4);
  CHECK(here.opened(here.second) == ids{1, 4});
}

TEST_CASE(
    "a client whose data the back has not confirmed is closed when its DC connection rotates") {
  two_backs here{config::back_choice::failover};
  here.up(0);
  here.open(1);
  here.open(2);
  caf::anon_send(here.front, frame_from_client{2, packet(100)});
  here.node.settle();
  bytes blob;
  begin_stream_blob({.session = 10, .taken = 0}, blob);
  encode_stream_frame({1, stream::migrate{}}, blob);
  encode_stream_frame({2, stream::migrate{}}, blob);
  caf::anon_send(here.front, link_blob{std::string{blob.begin(), blob.end()}});
  here.node.settle();
  CHECK(here.client.all<frame_to_client>() ==
        std::vector<frame_to_client>{{1, stream::migrate{}},
                                     {2, stream::refused{refusal::migrating}}});
}

TEST_CASE("what only a client may say means nothing from a back") {
  two_backs here{config::back_choice::failover};
  here.up(0);
  here.open(1);
  bytes blob;
  begin_stream_blob({.session = 10, .taken = 0}, blob);
  encode_stream_frame({1, stream::opened{}}, blob);
  encode_stream_frame({1, stream::open{.dc = tested_dc}}, blob);
  encode_stream_frame({1, packet(8)}, blob);
  caf::anon_send(here.front, link_blob{std::string{blob.begin(), blob.end()}});
  here.node.settle();
  CHECK(here.client.all<stream_opened>().size() == 1);
  CHECK(here.at_client() == std::vector<frame_to_client>{{1, packet(8)}});
}

TEST_CASE("balance: the back with fewer clients gets the next one") {
  two_backs here{config::back_choice::balance};
  here.up(0);
  here.up(1);
  for (stream_id id = 1; id <= 4; ++id)
    here.open(id);
  CHECK(here.opened(here.first) == ids{1, 3});
  CHECK(here.opened(here.second) == ids{2, 4});
}

TEST_CASE("balance: streams that have migrated count no more, and those that never opened") {
  two_backs here{config::back_choice::balance};
  here.up(0);
  here.open(1);
  here.open(2);
  bytes blob;
  begin_stream_blob({.session = 10, .taken = 0}, blob);
  encode_stream_frame({1, stream::opened{}}, blob);
  encode_stream_frame({1, stream::migrate{}}, blob);
  encode_stream_frame({2, stream::migrate{}}, blob);
  // Both may go wrong at the back's end: what is late for either changes nothing.
  encode_stream_frame({1, stream::refused{refusal::migrating}}, blob);
  encode_stream_frame({2, stream::close{}}, blob);
  caf::anon_send(here.front, link_blob{std::string{blob.begin(), blob.end()}});
  here.node.settle();
  CHECK(here.client.all<frame_to_client>() ==
        std::vector<frame_to_client>{{1, stream::migrate{}},
                                     {2, stream::migrate{}},
                                     {1, stream::refused{refusal::migrating}}});
  here.up(1);
  for (stream_id id = 3; id <= 6; ++id)
    here.open(id);
  CHECK(here.opened(here.first) == ids{1, 2, 3, 5});
  CHECK(here.opened(here.second) == ids{4, 6});
}

TEST_CASE("a front agent without any back keeps clients in order") {
  two_backs here{config::back_choice::failover};
  here.open(3);
  here.open(4);
  here.open(5);
  here.up(1);
  CHECK(here.opened(here.second) == ids{3, 4, 5});
}

// -- a back is left -----------------------------------------------------------------------------

TEST_CASE("leaving: streams go once they are quiet, and then the session is told") {
  two_backs here{config::back_choice::failover};
  here.up(0);
  here.up(1);
  here.open(1);
  here.open(2);
  here.set_backs({second_back});
  here.open(3);
  CHECK(here.opened(here.second) == ids{3});
  here.node.advance(4s);
  CHECK(here.at_client().empty());
  // Telegram says something to the second one.
  bytes blob;
  begin_stream_blob({.session = 10, .taken = 0}, blob);
  encode_stream_frame({2, stream::quick_ack{1}}, blob);
  caf::anon_send(here.front, link_blob{std::string{blob.begin(), blob.end()}});
  here.node.settle();
  here.at_client().clear();
  here.node.advance(3s);
  here.node.advance(1s);
  CHECK(here.at_client() == std::vector<frame_to_client>{{1, stream::migrate{}}});
  CHECK(here.first_session.all<back_usage>().empty());
  here.node.advance(5s);
  CHECK(here.at_client() ==
        std::vector<frame_to_client>{{1, stream::migrate{}}, {2, stream::migrate{}}});
  // Once.
  here.node.advance(5s);
  CHECK(here.first_session.all<back_usage>().size() == 1);
}

TEST_CASE("leaving: what a client sent before it heard of its move is refused, not lost") {
  two_backs here{config::back_choice::failover};
  here.up(0);
  here.up(1);
  here.open(1);
  here.open(2);
  here.set_backs({second_back});
  here.node.advance(8s);
  REQUIRE(here.at_client().size() == 2);
  here.at_client().clear();
  caf::anon_send(here.front, frame_from_client{1, stream::ack{.size = 5, .packets = 1}});
  caf::anon_send(here.front, frame_from_client{1, packet(100)});
  caf::anon_send(here.front, frame_from_client{2, stream::close{}});
  here.node.settle();
  CHECK(here.at_client() == std::vector<frame_to_client>{{1, stream::refused{refusal::migrating}}});
}

TEST_CASE("leaving: a stream that is never quiet is closed after drain_timeout_sec") {
  two_backs here{config::back_choice::failover};
  here.node.configure([](auto& settings) { settings.client.drain_timeout = 60s; });
  here.up(0);
  here.up(1);
  here.open(1);
  here.set_backs({second_back});
  // The back confirms nothing.
  for (int second = 0; second < 59; ++second) {
    caf::anon_send(here.front, frame_from_client{1, packet(100)});
    here.node.advance(1s);
  }
  CHECK(here.at_client().empty());
  here.node.advance(1s);
  here.node.advance(2s);
  CHECK(here.at_client() == std::vector<frame_to_client>{{1, stream::refused{refusal::migrating}}});
  CHECK(here.first_session.all<back_usage>().size() == 1);
}

TEST_CASE("leaving: as long as no other back can be reached, all stays as it is") {
  two_backs here{config::back_choice::failover};
  here.up(0);
  here.open(1);
  here.set_backs({second_back});
  here.node.advance(1000s);
  CHECK(here.at_client().empty());
  here.open(2);
  CHECK(here.opened(here.first) == ids{1, 2});
  here.up(1);
  here.node.advance(8s);
  here.node.advance(8s);
  CHECK(here.at_client().size() == 2);
}

TEST_CASE("leaving: a back that is wanted again keeps its streams") {
  two_backs here{config::back_choice::failover};
  here.up(0);
  here.up(1);
  here.open(1);
  here.set_backs({second_back});
  here.node.advance(3s);
  here.set_backs({second_back, first_back});
  for (int second = 0; second < 20; ++second)
    here.node.advance(1s);
  CHECK(here.at_client().empty());
  CHECK(here.first_session.all<back_usage>().empty());
  // The order is that of the list.
  here.open(2);
  CHECK(here.opened(here.second) == ids{2});
}

TEST_CASE("leaving: a client that comes while no other back is there is told of, and not cut off") {
  two_backs here{config::back_choice::failover};
  here.up(0);
  here.up(1);
  here.set_backs({second_back});
  here.node.advance(1s);
  REQUIRE(here.first_session.all<back_usage>().size() == 1);
  CHECK_FALSE(here.first_session.all<back_usage>()[0].in_use);
  here.down(1);
  here.open(1);
  CHECK(here.opened(here.first) == ids{1});
  REQUIRE(here.first_session.all<back_usage>().size() == 2);
  CHECK(here.first_session.all<back_usage>()[1].in_use);
}

TEST_CASE("leaving: time without another back does not count for drain_timeout_sec") {
  two_backs here{config::back_choice::failover};
  here.node.configure([](auto& settings) { settings.client.drain_timeout = 60s; });
  here.up(0);
  here.up(1);
  here.open(1);
  here.set_backs({second_back});
  const auto pass = [&](int seconds) {
    for (int second = 0; second < seconds; ++second) {
      caf::anon_send(here.front, frame_from_client{1, packet(100)});
      here.node.advance(1s);
    }
  };
  pass(2);
  here.down(1);
  pass(100);
  here.up(1);
  pass(50);
  CHECK(here.at_client().empty());
  pass(20);
  CHECK(here.at_client().size() == 1);
}

}  // namespace
}  // namespace mtp::actors
