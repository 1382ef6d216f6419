// Who is stopped, and who is closed, when clients, Telegram or memory take no more.
#include <set>

#include "actors/core/memory_guard.hpp"
#include "tests/actors/uplink/dc_conn_fixture.hpp"

namespace mtp::actors {
namespace {

using fixture = conn_fixture;

TEST_CASE_FIXTURE(fixture, "dc_conn: beyond the limits it is not read, until clients ack") {
  node.configure([&](auto& all) { all.uplink.downstream_backpressure.bytes_total = 100'000; });
  make_ready();
  add_client(1);
  for (int i = 0; i < 30; ++i)
    answer(1, bytes(10'000));
  // The one that crossed the limit, and what came in the same read.
  const auto before = frames().size();
  CHECK(before >= 11);
  CHECK(before < 30);
  SUBCASE("acks let it go on") {
    for (std::size_t i = 0; i < before; ++i)
      tell(1, stream::ack{.size = 10'000, .packets = 1});
    CHECK(frames().size() > before);
  }
  SUBCASE("acks of more than was sent count for what was sent") {
    tell(1, stream::ack{.size = 4'000'000'000U, .packets = 4'000'000});
    CHECK(frames().size() > before);
  }
  SUBCASE("a client that does not ack for 5 s is closed, for the sake of the others") {
    node.advance(6s);
    CHECK(frames().size() >= before + 1);
    bool closed = false;
    for (const auto& frame : frames())
      closed = closed || frame == frame_to_client{1, stream::refused{refusal::too_slow}};
    CHECK(closed);
    const auto told = arrived();
    CHECK(std::ranges::find(told, "close 1") != told.end());
    CHECK(load->clients == 0);
    CHECK(pool.all<dc_conn_lost>().empty());
  }
  SUBCASE("a paused connection is not a silent one") {
    // Telegram cannot be blamed for what is not read.
    tell(1, stream::data{packet_buffer{bytes(16)}, false});
    node.advance(4s);
    CHECK(pool.all<dc_conn_lost>().empty());
  }
}

TEST_CASE_FIXTURE(fixture, "dc_conn: upstream_healthchecks close the client that has too much") {
  node.configure(
      [&](auto& all) { all.uplink.upstream_healthchecks = {.qlen = 3, .total_mem = 50'000}; });
  make_ready();
  add_client(1);
  add_client(2);
  SUBCASE("packets") {
    for (int i = 0; i < 4; ++i)
      answer(1, bytes(16));
  }
  SUBCASE("bytes") {
    answer(1, bytes(50'004));
  }
  REQUIRE_FALSE(frames().empty());
  CHECK(frames().back() == frame_to_client{1, stream::refused{refusal::too_slow}});
  CHECK(arrived() == texts{"close 1"});
  CHECK(load->clients == 1);
}

TEST_CASE_FIXTURE(fixture, "dc_conn: a client that takes nothing stops the others for 100 ms") {
  node.configure([&](auto& all) { all.uplink.downstream_backpressure.bytes_total = 100'000; });
  node.configure([&](auto& all) { all.uplink.upstream_healthchecks.total_mem = 350'000; });
  make_ready();
  for (const stream_id id : {1, 2, 3})
    add_client(id);
  for (int i = 0; i < 3; ++i)
    answer(1, bytes(40'000));
  // Paused: this stays with the kernel.
  answer(2, bytes(40));
  CHECK(frames().size() == 3);
  node.advance(120ms);
  REQUIRE(frames().size() == 4);
  CHECK(frames()[3].stream == 2);

  SUBCASE("then it has a window of its own") {
    for (int i = 0; i < 5; ++i)
      answer(1, bytes(40'000));
    CHECK(frames().size() == 9);
    answer(1, bytes(40'000));
    CHECK(frames().back() == frame_to_client{1, stream::refused{refusal::too_slow}});
  }
  SUBCASE("it counts again once it has taken what there was") {
    tell(1, stream::ack{.size = 120'000, .packets = 3});
    for (int i = 0; i < 4; ++i)
      answer(1, bytes(40'000));
    CHECK(frames().size() == 7);
  }
  SUBCASE("all such clients together have four times the total") {
    for (int i = 0; i < 7; ++i)
      answer(3, bytes(40'000));
    node.advance(120ms);
    // 400'000 bytes for 1 and 3: the latter has more.
    for (int i = 0; i < 3; ++i)
      answer(3, bytes(40'000));
    CHECK(std::ranges::count(frames(), frame_to_client{3, stream::refused{refusal::too_slow}}) ==
          1);
    CHECK(load->clients == 2);
  }
}

TEST_CASE_FIXTURE(fixture, "dc_conn: what is claimed of a client from before stops nobody") {
  node.configure([&](auto& all) {
    auto& limits = all.uplink.downstream_backpressure;
    limits.bytes_total = 1'000'000;
    limits.packets_total = 1000;
  });
  node.configure([&](auto& all) { all.uplink.upstream_healthchecks.total_mem = 8'000'000; });
  make_ready();
  add_client(1);
  const auto check_served = [&] {
    const auto before = frames().size();
    answer(1, bytes(40));
    REQUIRE(frames().size() == before + 1);
    CHECK(frames().back().stream == 1);
    tell(1, stream::ack{.size = 40, .packets = 1});
  };
  SUBCASE("bytes") {
    add_waiting_client(2, 1'100'000, 1);
  }
  SUBCASE("packets") {
    add_waiting_client(2, 0, 4'000'000'000U);
    const auto now = status();
    // What a window has room for.
    CHECK(now.unacked_packets == 62'500);
  }
  check_served();
  SUBCASE("and acks that don't fit it leave nothing behind") {
    tell(2, stream::ack{.size = 0, .packets = 4'000'000'000U});
    CHECK(status().behind_bytes == 0);
    check_served();
  }
  tell(2, stream::close{});
  check_served();
  CHECK(status().unacked_bytes == 0);
  CHECK(status().unacked_packets == 0);
  CHECK(status().behind_bytes == 0);
  CHECK(status().behind_packets == 0);
}

TEST_CASE_FIXTURE(fixture, "dc_conn: of a crowd that does not read those with most are closed") {
  node.configure([&](auto& all) { all.uplink.downstream_backpressure.bytes_total = 100'000; });
  node.configure([&](auto& all) { all.uplink.upstream_healthchecks.total_mem = 8'000'000; });
  make_ready();
  add_client(1);
  // Four times the total has room for ten of them.
  for (stream_id id = 20; id >= 10; --id)
    add_waiting_client(id + 100, static_cast<std::uint32_t>(id) * 1000 + 30'000, 1);
  for (stream_id id = 2; id < 10; ++id)
    add_waiting_client(id + 100, static_cast<std::uint32_t>(id) * 1000 + 30'000, 1);
  CHECK(status().behind_bytes <= 400'000);
  std::set<stream_id> closed;
  for (const auto& frame : frames())
    if (frame.event == event_to_client{stream::refused{refusal::too_slow}})
      closed.insert(frame.stream);
  REQUIRE(closed.size() >= 7);
  CHECK(load->clients == 20 - closed.size());
  // From the end.
  CHECK(*closed.rbegin() == 120);
  CHECK(*closed.begin() == 121 - closed.size());
  answer(1, bytes(40));
  CHECK(frames().back().stream == 1);
}

TEST_CASE_FIXTURE(fixture,
                  "dc_conn: asked for memory, it gives itself up if Telegram does not read") {
  make_ready();
  add_client(1);
  const auto scarce = [&] {
    caf::anon_send(conn, memory_is_scarce{});
    node.settle();
  };
  SUBCASE("there is little") {
    tell(1, stream::data{packet_buffer{bytes(65'536)}, false});
    scarce();
    CHECK(pool.all<dc_conn_lost>().empty());
  }
  SUBCASE("there is much") {
    // More than both kernels take.
    for (int i = 0; i < 64; ++i)
      tell(1, stream::data{packet_buffer{bytes(512 * 1024)}, false});
    CHECK(pool.all<dc_conn_lost>().empty());
    scarce();
    CHECK(lost_reason().starts_with("memory is short"));
    CHECK(node.core.memory.held() == 0);
  }
}

TEST_CASE_FIXTURE(fixture, "dc_conn: what another reactor has not taken is bounded") {
  // An eighth of that may be in transit. Nothing else stops it.
  node.core.memory.open(1, std::size_t{800'000});
  node.configure([&](auto& all) { all.uplink.downstream_backpressure.bytes_total = 100'000'000; });
  make_ready();
  SUBCASE("none of its clients is there") {
    add_client(1);
    for (int i = 0; i < 4; ++i)
      answer(1, bytes(40'000));
    CHECK(frames().size() == 4);
    return;
  }
  add_client(1, 1);
  for (int i = 0; i < 5; ++i)
    answer(1, bytes(40'000));
  // Paused at the third; the inbox has them, as the mailbox of a client_conn that never runs would.
  CHECK(frames().size() == 3);
  CHECK(node.core.memory.held() == 120'000);
  SUBCASE("once it takes them, it goes on") {
    frames().clear();
    node.advance(120ms);
    CHECK(frames().size() == 2);
  }
  SUBCASE("once it is gone, the others go on") {
    add_client(2);
    tell(1, stream::close{});
    frames().clear();
    node.settle();
    answer(2, bytes(40));
    REQUIRE(frames().size() == 1);
    CHECK(frames()[0].stream == 2);
  }
}

TEST_CASE_FIXTURE(fixture,
                  "dc_conn: what waits for a client from before counts, and can be acked") {
  node.configure([&](auto& all) { all.uplink.upstream_healthchecks.total_mem = 50'000; });
  make_ready();
  add_waiting_client(1, 49'000, 2);
  SUBCASE("it is too much with what comes") {
    answer(1, bytes(2'000));
    CHECK(frames().back() == frame_to_client{1, stream::refused{refusal::too_slow}});
  }
  SUBCASE("it is gone") {
    tell(1, stream::ack{.size = 49'000, .packets = 2});
    answer(1, bytes(2'000));
    CHECK(std::holds_alternative<stream::data>(frames().back().event));
  }
}

TEST_CASE_FIXTURE(fixture, "dc_conn: an ack is promised once what a client sent has left") {
  make_ready();
  add_client(1);
  tell(1, stream::data{packet_buffer{bytes(32'768)}, false});
  CHECK(frames().empty());
  tell(1, stream::data{packet_buffer{bytes(32'768)}, false});
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == frame_to_client{1, stream::ack{.size = 65'536, .packets = 2}});
}

TEST_CASE_FIXTURE(fixture, "dc_conn: while Telegram does not read, clients get no acks") {
  make_ready();
  add_client(1);
  // More than the kernel's buffers hold.
  std::size_t sent = 0;
  for (int i = 0; i < 400; ++i) {
    tell(1, stream::data{packet_buffer{bytes(65'536)}, false});
    sent += 65'536;
  }
  std::size_t acked = 0;
  const auto count = [&] {
    acked = 0;
    for (const auto& frame : frames())
      if (const auto* const ack = std::get_if<stream::ack>(&frame.event)) acked += ack->size;
    return acked;
  };
  CHECK(count() < sent);
  for (int i = 0; i < 4000 && count() < sent; ++i) {
    static_cast<void>(dc.read_raw(1 << 20));
    node.settle();
  }
  CHECK(count() == sent);
}

}  // namespace
}  // namespace mtp::actors
