// How a client_conn gets its DC connection, and changes it.
#include "tests/actors/client/client_conn_fixture.hpp"

namespace mtp::actors {
namespace {

TEST_CASE_FIXTURE(
    client_conn_fixture,
    "client_conn: after the header it asks for the client's DC, and holds what came with it") {
  connect();
  send_header();
  send_packet(packet_of(64));
  REQUIRE(dc.all<open_stream>().size() == 1);
  const auto& asked = dc.all<open_stream>()[0];
  CHECK(asked.request.dc == wanted_dc);
  CHECK(asked.request.client == *parse_endpoint("198.51.100.7:1234"));
  CHECK(asked.request.kind == framing::padded);
  CHECK_FALSE(asked.request.migrating);
  CHECK(frames().empty());
  open();
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] ==
        frame_from_client{asked.stream, stream::data{packet_buffer{packet_of(64)}, false}});
}

TEST_CASE_FIXTURE(
    client_conn_fixture,
    "client_conn: an idle client migrates; what waits for it is the new connection's") {
  const auto old_id = established();
  send_packet(packet_of(8));
  tell(old_id, stream::data{packet_buffer{packet_of(16)}, false});
  static_cast<void>(packets());
  frames().clear();
  // Still waiting for the client when the connection dies.
  tell(old_id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  tell(old_id, stream::migrate{});
  REQUIRE(dc.all<open_stream>().size() == 2);
  CHECK(dc.all<open_stream>()[1].request.migrating);
  const auto new_id = last_stream();
  CHECK(new_id != old_id);
  open();
  CHECK(counted("downstream_migration_total", {{"dc_id", "-4"}, {"result", "ok"}}) == 1);
  CHECK(dc.all<open_stream>()[1].request.waiting_bytes == 4 << 20);
  CHECK(dc.all<open_stream>()[1].request.waiting_packets == 1);
  CHECK(frames().empty());
  CHECK(awaited_packets().size() == 1);
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == frame_from_client{new_id, stream::ack{.size = 4 << 20, .packets = 1}});
  frames().clear();
  tell(new_id, stream::data{packet_buffer{packet_of(20)}, false});
  CHECK(packets() == std::vector<bytes>{packet_of(20)});
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == frame_from_client{new_id, stream::ack{.size = 20, .packets = 1}});
  // Late events of the old stream mean nothing.
  tell(old_id, stream::data{packet_buffer{packet_of(24)}, false});
  tell(old_id, stream::close{});
  CHECK(packets().empty());
  CHECK_FALSE(closed());
}

TEST_CASE_FIXTURE(
    client_conn_fixture,
    "client_conn: a client with a fresh request does not migrate; with an old one it does") {
  const auto id = established();
  send_packet(packet_of(8));
  SUBCASE("fresh") {
    node.advance(4s);
    tell(id, stream::migrate{});
    CHECK(closed());
    CHECK(counted("downstream_migration_total", {{"dc_id", "-4"}, {"result", "mid_send"}}) == 1);
  }
  SUBCASE("old") {
    node.advance(6s);
    tell(id, stream::migrate{});
    CHECK_FALSE(closed());
    CHECK(dc.all<open_stream>().size() == 2);
  }
  SUBCASE("answered") {
    tell(id, stream::data{packet_buffer{packet_of(12)}, false});
    tell(id, stream::migrate{});
    CHECK_FALSE(closed());
  }
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: data that the old connection sends back closes the client") {
  const auto id = established();
  tell(id, stream::migrate{});
  SUBCASE("while it waits for a new one, which is then not wanted") {
    const auto wanted = last_stream();
    tell(id, stream::refused{refusal::migrating});
    REQUIRE(dc.all<cancel_stream>().size() == 1);
    CHECK(dc.all<cancel_stream>()[0].stream == wanted);
  }
  SUBCASE("when it has a new one, which is told") {
    open();
    tell(id, stream::refused{refusal::migrating});
    REQUIRE(frames().size() == 1);
    CHECK(frames()[0] == frame_from_client{last_stream(), stream::close{}});
  }
  CHECK(closed());
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: it asks again while there are no connections, then gives up") {
  uplink.to = nullptr;
  connect();
  send_header();
  CHECK(dc.all<open_stream>().empty());
  uplink.to = dc.handle();
  node.advance(200ms);
  REQUIRE(dc.all<open_stream>().size() == 1);
  // The pool died and says so.
  tell(last_stream(), stream::migrate{});
  node.advance(200ms);
  REQUIRE(dc.all<open_stream>().size() == 2);
  node.advance(13s);
  CHECK(closed());
  CHECK(counted("no_dc_total", {{"dc_id", "-4"}, {"reason", "no_link"}}) == 1);
  REQUIRE(dc.all<cancel_stream>().size() == 1);
  CHECK(dc.all<cancel_stream>()[0].stream == last_stream());
}

TEST_CASE_FIXTURE(
    client_conn_fixture,
    "client_conn: where it was to ask nobody answers: it asks again, and its count is "
    "home") {
  uplink.load = std::make_shared<dc_conn_load>();
  SUBCASE("as the connection had ended") {
    const test::inbox<open_stream> dead{node.system()};
    caf::anon_send_exit(dead.handle(), caf::exit_reason::kill);
    node.settle();
    uplink.to = dead.handle();
    connect();
    send_header();
    CHECK(dc.all<open_stream>().empty());
    CHECK(uplink.load->given == 1);
  }
  SUBCASE("as there is none") {
    uplink.to = nullptr;
    connect();
    send_header();
    CHECK(uplink.load->given == 0);
  }
  CHECK(uplink.load->clients == 0);
  CHECK_FALSE(closed());
  uplink.to = dc.handle();
  node.advance(200ms);
  REQUIRE(dc.all<open_stream>().size() == 1);
  CHECK(uplink.load->clients == 1);
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: a client that leaves is taken back from wherever it was") {
  SUBCASE("while it waits") {
    connect();
    send_header();
    client = {};
    node.settle();
    // It is not read while it waits: the kernel tells all the same.
    REQUIRE(dc.all<cancel_stream>().size() == 1);
    CHECK(dc.all<cancel_stream>()[0].stream == last_stream());
  }
  SUBCASE("from its connection") {
    const auto id = established();
    client = {};
    node.settle();
    REQUIRE(frames().size() == 1);
    CHECK(frames()[0] == frame_from_client{id, stream::close{}});
  }
  CHECK(port->connections == 0);
  CHECK(counted("in_connection_closed_total") == 1);
  CHECK(node.client.clients[0].size() == 0);
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: a stream opened for a client that left is closed") {
  connect();
  send_header();
  const auto asked = last_stream();
  tell(asked, stream::migrate{});
  node.advance(200ms);
  caf::anon_send(caf::actor_cast<caf::actor>(handler),
                 stream_opened{asked, dc.handle(), 0, serving_dc});
  node.settle();
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == frame_from_client{asked, stream::close{}});
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: a client that migrates asks for the DC that served it") {
  const auto id = established();
  CHECK(dc.all<open_stream>().back().request.dc == wanted_dc);
  tell(id, stream::migrate{});
  REQUIRE(last_stream() != id);
  CHECK(dc.all<open_stream>().back().request.dc == serving_dc);
  CHECK(dc.all<open_stream>().back().request.migrating);
  SUBCASE("which may be gone for good") {
    tell(last_stream(), stream::refused{refusal::unknown_dc});
    CHECK(closed());
    CHECK(counted("downstream_migration_total", {{"dc_id", "-4"}, {"result", "not_found"}}) == 1);
  }
  SUBCASE("as often as it migrates") {
    open();
    tell(last_stream(), stream::migrate{});
    CHECK(dc.all<open_stream>().back().request.dc == serving_dc);
  }
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: where no DC will do, a client that migrates is closed") {
  const auto id = established();
  uplink.refuses = refusal::unknown_dc;
  tell(id, stream::migrate{});
  CHECK(closed());
  CHECK(counted("downstream_migration_total", {{"dc_id", "-4"}, {"result", "not_found"}}) == 1);
}

}  // namespace
}  // namespace mtp::actors
