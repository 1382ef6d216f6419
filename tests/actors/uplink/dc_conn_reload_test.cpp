// A connection to Telegram whose time-outs change while it is open.
#include "tests/actors/uplink/dc_conn_fixture.hpp"

namespace mtp::actors {
namespace {

using fixture = conn_fixture;

TEST_CASE_FIXTURE(fixture, "dc_conn: another dc_ping_interval counts for a quiet connection") {
  make_ready();
  node.configure([](auto& all) { all.uplink.dc_ping_interval = 5s; });
  caf::anon_send(conn, config_changed{});
  node.settle();
  CHECK(arrived().empty());
  for (int second = 0; second < 6; ++second)
    node.advance(1s);
  for (int round = 0; round < 4; ++round) {
    CHECK(arrived() == texts{"ping"});
    bytes pong;
    rpc::encode_pong(1, pong);
    dc.write(pong);
    node.settle();
    // It looks for the answer first, after half of dc_stall_timeout: 3 s + 5 s.
    for (int second = 0; second < 9; ++second)
      node.advance(1s);
  }
}

TEST_CASE_FIXTURE(fixture, "dc_conn: another dc_stall_timeout counts for what was asked before") {
  node.configure([](auto& all) { all.uplink.dc_stall_timeout = 600s; });
  make_ready();
  add_client(1);
  tell(1, stream::data{packet_buffer{bytes(16)}, false});
  node.advance(10s);
  CHECK(arrived() == texts{"req 1"});
  node.configure([](auto& all) { all.uplink.dc_stall_timeout = 4s; });
  caf::anon_send(conn, config_changed{});
  node.settle();
  // It has never been pinged, and the ping has its time.
  CHECK(arrived() == texts{"ping"});
  CHECK(pool.all<dc_conn_lost>().empty());
  node.advance(1s);
  CHECK(lost_reason() == "stalled: no answer for 4 s");
}

}  // namespace
}  // namespace mtp::actors
