// No silent stall: a connection that Telegram does not serve is found within dc_stall_timeout,
// whatever else goes on; one that is served is not blamed.
#include "tests/actors/uplink/dc_conn_fixture.hpp"

namespace mtp::actors {
namespace {

using fixture = conn_fixture;

TEST_CASE_FIXTURE(fixture,
                  "dc_conn: after long quiet, a request without an answer is found as fast") {
  make_ready();
  add_client(1);
  for (int i = 0; i < 600; ++i) {
    node.advance(1s);
    for (const auto& text : arrived()) {
      CHECK(text == "ping");
      bytes pong;
      rpc::encode_pong(1, pong);
      dc.write(pong);
      node.settle();
    }
  }
  tell(1, stream::data{packet_buffer{bytes(16)}, false});
  for (int i = 0; i < 59; ++i)
    node.advance(100ms);
  CHECK(pool.all<dc_conn_lost>().empty());
  node.advance(200ms);
  CHECK(lost_reason() == "stalled: no answer for 6 s");
}

TEST_CASE_FIXTURE(fixture, "dc_conn: bytes that come after a request need not be its answer") {
  make_ready();
  add_client(1);
  add_client(2);
  tell(1, stream::data{packet_buffer{bytes(16)}, false});
  node.advance(10ms);
  answer(2, bytes(16));
  for (int i = 0; i < 59; ++i)
    node.advance(100ms);
  CHECK(arrived() == texts{"req 1", "ping"});
  CHECK(pool.all<dc_conn_lost>().empty());
  node.advance(200ms);
  CHECK(lost_reason() == "stalled: no answer for 6 s");
}

TEST_CASE_FIXTURE(fixture, "dc_conn: a busy connection is not pinged more than every 3 s") {
  make_ready();
  add_client(1);
  std::size_t pings = 0;
  for (int i = 0; i < 600; ++i) {
    tell(1, stream::data{packet_buffer{bytes(16)}, false});
    for (const auto& text : arrived())
      pings += text == "ping" ? 1 : 0;
    node.advance(50ms);
    answer(1, bytes(16));
    node.advance(50ms);
  }
  CHECK(pings <= 21);
  CHECK(pool.all<dc_conn_lost>().empty());
}

TEST_CASE_FIXTURE(fixture, "dc_conn: Telegram takes nothing more, although its own bytes arrive") {
  make_ready();
  add_client(1);
  add_client(2);
  // More than the kernel's buffers hold.
  for (int i = 0; i < 400; ++i)
    tell(1, stream::data{packet_buffer{bytes(65'536)}, false});
  for (int i = 0; i < 57; ++i) {
    node.advance(100ms);
    answer(2, bytes(16));
    tell(2, stream::ack{.size = 16, .packets = 1});
  }
  CHECK(pool.all<dc_conn_lost>().empty());
  // What the kernels still passed on in the beginning is seen half of the time later at most.
  for (int i = 0; i < 35; ++i) {
    node.advance(100ms);
    answer(2, bytes(16));
  }
  CHECK(lost_reason() == "stalled: nothing taken for 6 s");
}

TEST_CASE_FIXTURE(fixture, "dc_conn: Telegram takes little at a time: that is no stall") {
  make_ready();
  add_client(1);
  for (int i = 0; i < 400; ++i)
    tell(1, stream::data{packet_buffer{bytes(65'536)}, false});
  for (int i = 0; i < 40; ++i) {
    node.advance(1s);
    // Less than makes the kernel take more from us, but several segments: it acks these at once,
    // while one alone may wait for longer than all of this test takes.
    static_cast<void>(dc.read_raw(512 * 1024));
    bytes encoded;
    rpc::encode_proxy_ans(1, bytes(16), encoded);
    dc.write(encoded);
    node.settle();
  }
  CHECK(pool.all<dc_conn_lost>().empty());
}

TEST_CASE_FIXTURE(fixture, "dc_conn: a late look does not take an answer that waits for silence") {
  make_ready();
  add_client(1);
  tell(1, stream::data{packet_buffer{bytes(16)}, false});
  SUBCASE("the answer came while the process was stopped") {
    node.advance(4s);
    bytes encoded;
    rpc::encode_proxy_ans(1, bytes(16), encoded);
    dc.write(encoded);
    node.advance(60s);
    node.advance(1s);
    CHECK(pool.all<dc_conn_lost>().empty());
    CHECK(frames().size() == 1);
  }
  SUBCASE("the ping has its time, too") {
    node.advance(60s);
    CHECK(arrived() == texts{"req 1", "ping"});
    node.advance(1s);
    CHECK(pool.all<dc_conn_lost>().empty());
    node.advance(3s);
    CHECK(lost_reason() == "stalled: no answer for 6 s");
  }
}

TEST_CASE_FIXTURE(fixture, "dc_conn: a paused connection that goes on has the whole time again") {
  node.configure([&](auto& all) { all.uplink.downstream_backpressure.bytes_total = 100'000; });
  make_ready();
  add_client(1);
  for (int i = 0; i < 30; ++i)
    answer(1, bytes(10'000));
  // Telegram reads nothing either, while it can't write.
  for (int i = 0; i < 400; ++i)
    tell(1, stream::data{packet_buffer{bytes(65'536)}, false});
  node.advance(4s);
  CHECK(pool.all<dc_conn_lost>().empty());
  while (dc.read_raw(1 << 20) > 0)
    node.settle();
  tell(1, stream::ack{.size = 4'000'000'000U, .packets = 4'000'000});
  node.advance(4s);
  CHECK(pool.all<dc_conn_lost>().empty());
}

TEST_CASE_FIXTURE(fixture, "dc_conn: paused for long, then without an answer: found as fast") {
  node.configure([&](auto& all) { all.uplink.downstream_backpressure.bytes_total = 100'000; });
  make_ready();
  add_client(1);
  add_client(2);
  for (int i = 0; i < 12; ++i)
    answer(1, bytes(10'000));
  tell(2, stream::data{packet_buffer{bytes(16)}, false});
  node.advance(3s);
  node.advance(1s);
  tell(1, stream::ack{.size = 4'000'000'000U, .packets = 4'000'000});
  node.settle();
  for (int i = 0; i < 59; ++i)
    node.advance(100ms);
  CHECK(pool.all<dc_conn_lost>().empty());
  node.advance(200ms);
  CHECK(lost_reason() == "stalled: no answer for 6 s");
}

TEST_CASE_FIXTURE(fixture,
                  "dc_conn: an upload that goes on slowly, without any answer, is no stall") {
  make_ready();
  add_client(1);
  for (int i = 0; i < 400; ++i)
    tell(1, stream::data{packet_buffer{bytes(65'536)}, false});
  for (int i = 0; i < 12; ++i) {
    node.advance(1s);
    CHECK(dc.read_raw(1 << 20) > 0);
    node.settle();
  }
  CHECK(pool.all<dc_conn_lost>().empty());
}

}  // namespace
}  // namespace mtp::actors
