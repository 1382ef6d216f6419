#include <set>

#include "actors/core/memory_guard.hpp"
#include "tests/actors/uplink/dc_conn_fixture.hpp"

namespace mtp::actors {
namespace {

using fixture = conn_fixture;

TEST_CASE_FIXTURE(fixture, "dc_conn: packets pass both ways with the client's addresses") {
  make_ready();
  add_client(21);
  REQUIRE(clients.all<stream_opened>().size() == 1);
  CHECK(clients.all<stream_opened>()[0].conn == conn);
  tell(21, stream::data{packet_buffer{bytes(64, 0xab)}, true});
  const auto bodies = dc.read();
  REQUIRE(bodies.size() == 1);
  const auto message = rpc::decode_to_dc(bodies[0]);
  REQUIRE(message);
  const auto& request = std::get<rpc::proxy_req>(*message);
  CHECK(request.id == 21);
  CHECK(request.client == *parse_endpoint("198.51.100.7:1234"));
  CHECK((request.flags & rpc::flag_quick_ack) != 0);
  CHECK(to_bytes(request.packet) == bytes(64, 0xab));
  CHECK_FALSE(request.tag);

  answer(21, bytes(32, 0xcd));
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == stream_frame{21, stream::data{packet_buffer{bytes(32, 0xcd)}, false}});

  bytes ack;
  rpc::encode_simple_ack(21, 0x8000'1234U, ack);
  dc.write(ack);
  node.settle();
  REQUIRE(frames().size() == 2);
  CHECK(frames()[1] == stream_frame{21, stream::quick_ack{0x8000'1234U}});
}

TEST_CASE_FIXTURE(fixture, "dc_conn: clients come and go") {
  make_ready();
  add_client(1);
  add_client(2);
  SUBCASE("the client leaves: Telegram is told, and told again if it answers") {
    tell(1, stream::close{});
    CHECK(arrived() == texts{"close 1"});
    CHECK(load->clients == 1);
    answer(1, bytes(16));
    CHECK(frames().empty());
    CHECK(arrived() == texts{"close 1"});
  }
  SUBCASE("Telegram closes the client: only the client is told") {
    bytes out;
    rpc::encode_close_ext(2, out);
    dc.write(out);
    node.settle();
    REQUIRE(frames().size() == 1);
    CHECK(frames()[0] == stream_frame{2, stream::close{}});
    CHECK(arrived().empty());
    CHECK(load->clients == 1);
    // What it sent meanwhile goes nowhere.
    tell(2, stream::data{packet_buffer{bytes(16)}, false});
    CHECK(arrived().empty());
  }
}

TEST_CASE_FIXTURE(fixture, "dc_conn: a PING is answered; what is not known is passed over") {
  make_ready();
  bytes ping;
  rpc::encode_ping(0x1122334455, ping);
  dc.write(ping);
  dc.write(bytes{1, 2, 3, 4, 5, 6, 7, 8});
  node.settle();
  CHECK(arrived() == texts{"pong " + std::to_string(0x1122334455)});
  CHECK(pool.all<dc_conn_lost>().empty());
}

TEST_CASE_FIXTURE(fixture, "dc_conn: what cannot be read ends it, and clients move on") {
  make_ready();
  add_client(1);
  // A PROXY_ANS without its fields.
  bytes out;
  append_le(out, std::uint32_t{0x4403da0d});
  dc.write(out);
  node.settle();
  CHECK_FALSE(lost_reason().empty());
  CHECK(dc.closed_by_peer());
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == stream_frame{1, stream::migrate{}});
}

TEST_CASE_FIXTURE(fixture, "dc_conn: the pool hears why a connection cannot be had") {
  start();
  SUBCASE("closed") {
    dc.accept();
    dc.close();
    node.settle();
    CHECK(lost_reason().starts_with("closed by Telegram before the handshake: the proxy secret"));
    CHECK(lost_in_doubt());
  }
  SUBCASE("closed, and the clock is wrong by what is known") {
    node.uplink.clock_ahead.set(std::make_shared<const std::optional<std::chrono::seconds>>(-45s));
    dc.accept();
    dc.close();
    node.settle();
    CHECK(lost_reason().starts_with(
        "closed by Telegram before the handshake: this machine's clock is 45 s behind Telegram's, "
        "and at most 30 s are accepted: set it. If that is not it, the proxy secret"));
  }
  SUBCASE("closed when it had the encrypted handshake") {
    dc.accept();
    dc.answer_nonce(secret);
    node.settle();
    dc.close();
    node.settle();
    CHECK(lost_reason().find("sees another address than 127.0.0.1") != std::string::npos);
    CHECK(lost_in_doubt());
  }
  SUBCASE("silence") {
    node.advance(9s);
    CHECK(lost_reason() == "the handshake took longer than 8 s");
  }
  SUBCASE("wrong clock") {
    dc.accept();
    dc.answer_nonce(secret, 100);
    node.settle();
    CHECK(lost_reason().find("set this machine's clock") != std::string::npos);
  }
  SUBCASE("another secret") {
    dc.accept();
    dc.answer_nonce(bytes(128, 0x77));
    node.settle();
    CHECK(lost_reason() == "it uses another proxy secret than getProxySecret gave");
  }
  SUBCASE("closed on the encrypted handshake") {
    dc.accept();
    dc.answer_nonce(secret);
    node.settle();
    static_cast<void>(dc.read());
    dc.close();
    node.settle();
    CHECK(lost_reason().find("set external_ip") != std::string::npos);
  }
  SUBCASE("refused") {
    dc.accept();
    dc.answer_nonce(secret);
    node.settle();
    static_cast<void>(dc.read());
    bytes error;
    append_le(error, std::uint32_t{0x6a27beda});
    append_le(error, std::int32_t{-3});
    error.resize(20);  // its process id
    dc.write(error);
    node.settle();
    CHECK(lost_reason() == "it refused the handshake with code -3");
  }
  CHECK_FALSE(pool.all<dc_conn_lost>()[0].served);
  // Before it is ready nobody can have been assigned: it does not linger.
  CHECK(conn_ended);
}

TEST_CASE_FIXTURE(fixture, "dc_conn: a connect that is refused ends it at once") {
  const auto nobody = dc.at();
  dc.stop_listening();
  start(nobody);
  CHECK(lost_reason() == "Connection refused");
  CHECK(conn_ended);
}

TEST_CASE_FIXTURE(fixture, "dc_conn: a quiet connection is pinged; a silent one is replaced") {
  make_ready();
  add_client(1);
  static_cast<void>(arrived());
  node.advance(29s);
  CHECK(arrived().empty());
  node.advance(2s);
  CHECK(arrived() == texts{"ping"});
  SUBCASE("it answers") {
    bytes pong;
    rpc::encode_pong(1, pong);
    dc.write(pong);
    node.settle();
    for (int i = 0; i < 12; ++i)
      node.advance(1s);
    CHECK(pool.all<dc_conn_lost>().empty());
  }
  SUBCASE("it does not") {
    for (int i = 0; i < 12; ++i)
      node.advance(1s);
    CHECK(lost_reason() == "stalled: no answer for 6 s");
    CHECK(frames() == std::vector<stream_frame>{{1, stream::migrate{}}});
  }
}

TEST_CASE_FIXTURE(fixture, "dc_conn: a request without an answer is watched at once") {
  make_ready();
  add_client(1);
  tell(1, stream::data{packet_buffer{bytes(16)}, false});
  CHECK(arrived() == texts{"req 1"});
  node.advance(4s);
  // Half of the stall timeout: maybe the request wants no answer.
  CHECK(arrived() == texts{"ping"});
  node.advance(3s);
  CHECK(lost_reason() == "stalled: no answer for 6 s");
}

TEST_CASE_FIXTURE(fixture, "dc_conn: beyond the limits it is not read, until clients ack") {
  node.configure([&](auto& all) { all.downstream_backpressure.bytes_total = 100'000; });
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
      closed = closed || frame == stream_frame{1, stream::refused{refusal::too_slow}};
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
  node.configure([&](auto& all) { all.upstream_healthchecks = {.qlen = 3, .total_mem = 50'000}; });
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
  CHECK(frames().back() == stream_frame{1, stream::refused{refusal::too_slow}});
  CHECK(arrived() == texts{"close 1"});
  CHECK(load->clients == 1);
}

TEST_CASE_FIXTURE(fixture, "dc_conn: a client that takes nothing stops the others for 100 ms") {
  node.configure([&](auto& all) { all.downstream_backpressure.bytes_total = 100'000; });
  node.configure([&](auto& all) { all.upstream_healthchecks.total_mem = 350'000; });
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
    CHECK(frames().back() == stream_frame{1, stream::refused{refusal::too_slow}});
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
    CHECK(std::ranges::count(frames(), stream_frame{3, stream::refused{refusal::too_slow}}) == 1);
    CHECK(load->clients == 2);
  }
}

TEST_CASE_FIXTURE(fixture, "dc_conn: what is claimed of a client from before stops nobody") {
  node.configure([&](auto& all) {
    auto& limits = all.downstream_backpressure;
    limits.bytes_total = 1'000'000;
    limits.packets_total = 1000;
  });
  node.configure([&](auto& all) { all.upstream_healthchecks.total_mem = 8'000'000; });
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
  node.configure([&](auto& all) { all.downstream_backpressure.bytes_total = 100'000; });
  node.configure([&](auto& all) { all.upstream_healthchecks.total_mem = 8'000'000; });
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
    if (frame.event == stream::event{stream::refused{refusal::too_slow}})
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
  node.configure([&](auto& all) { all.downstream_backpressure.bytes_total = 100'000'000; });
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
  // Paused at the third; the inbox has them, as the mailbox of a handler that never runs would.
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
  node.configure([&](auto& all) { all.upstream_healthchecks.total_mem = 50'000; });
  make_ready();
  load->clients.fetch_add(1);
  caf::anon_send(conn, open_stream{.stream = 1,
                                   .client = clients.handle(),
                                   .request = {.dc = tested_dc,
                                               .client = *parse_endpoint("198.51.100.7:1234"),
                                               .kind = framing::padded,
                                               .migrating = true,
                                               .waiting_bytes = 49'000,
                                               .waiting_packets = 2}});
  node.settle();
  SUBCASE("it is too much with what comes") {
    answer(1, bytes(2'000));
    CHECK(frames().back() == stream_frame{1, stream::refused{refusal::too_slow}});
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
  CHECK(frames()[0] == stream_frame{1, stream::ack{.size = 65'536, .packets = 2}});
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

TEST_CASE_FIXTURE(fixture,
                  "dc_conn: lost, it tells clients whether what they sent last has left, and "
                  "answers late ones for 5 s") {
  make_ready();
  add_client(1);
  add_client(2);
  // Client 2 has data that did not leave; client 1 has not.
  for (int i = 0; i < 400; ++i)
    tell(2, stream::data{packet_buffer{bytes(65'536)}, false});
  frames().clear();
  dc.close();
  node.settle();
  CHECK_FALSE(lost_reason().empty());
  CHECK(load->clients == 0);
  REQUIRE(frames().size() >= 2);
  const auto has = [&](const stream_frame& wanted) {
    return std::ranges::find(frames(), wanted) != frames().end();
  };
  CHECK(has({1, stream::migrate{}}));
  CHECK(has({2, stream::refused{refusal::migrating}}));

  // Sent before it knew.
  frames().clear();
  tell(1, stream::data{packet_buffer{bytes(16)}, false});
  CHECK(frames() == std::vector<stream_frame>{{1, stream::refused{refusal::migrating}}});
  // Assigned before the pool knew.
  frames().clear();
  add_client(3);
  CHECK(frames() == std::vector<stream_frame>{{3, stream::migrate{}}});
  CHECK(load->clients == 0);
  node.advance(4s);
  CHECK_FALSE(conn_ended);
  node.advance(2s);
  CHECK(conn_ended);
}

TEST_CASE_FIXTURE(fixture, "dc_conn: told to stop, it says goodbye for every client") {
  make_ready();
  add_client(1);
  add_client(2);
  caf::anon_send_exit(conn, caf::exit_reason::user_shutdown);
  node.settle();
  CHECK(conn_ended);
  auto told = arrived();
  std::ranges::sort(told);
  CHECK(told == texts{"close 1", "close 2"});
  CHECK(frames().size() == 2);
}

TEST_CASE_FIXTURE(fixture,
                  "dc_conn: it tells its stage, what is un-acked, and what is unanswered") {
  dc_conn_status now;
  const auto look = [&] {
    node.system().spawn([&](caf::event_based_actor* self) {
      self->request(conn, caf::infinite, get_dc_conn_status{})
          .then([&](const dc_conn_status& status) { now = status; });
    });
    node.settle();
  };
  start();
  look();
  CHECK(now.stage == "nonce");
  dc.accept();
  dc.answer_nonce(secret);
  node.settle();
  dc.answer_handshake();
  node.settle();
  add_client(1);
  look();
  CHECK(now.stage == "ready");
  CHECK(now.clients == 1);
  CHECK(now.unacked_bytes == 0);
  CHECK_FALSE(now.unanswered);
  const auto before = now.sent;

  tell(1, stream::data{packet_buffer{bytes(64)}, false});
  node.advance(2s);
  look();
  CHECK(now.age == 2s);
  CHECK(now.unanswered == 2s);
  CHECK(now.sent >= before + 64);
  CHECK(now.queued == 0);

  answer(1, bytes(600'000));
  answer(1, bytes(600'000));
  for (int i = 0; i < 50 && now.unacked_packets < 2; ++i)
    look();
  CHECK(now.stage == "paused");
  CHECK(now.unacked_bytes == 1'200'000);
  CHECK_FALSE(now.unanswered);
  dc.close();
  tell(1, stream::ack{1'200'000, 2});
  look();
  CHECK(now.stage == "dying");
}

TEST_CASE_FIXTURE(fixture, "dc_conn: without its pool it is of no use") {
  make_ready();
  add_client(1);
  caf::anon_send_exit(pool.handle(), caf::exit_reason::kill);
  node.settle();
  CHECK(frames() == std::vector<stream_frame>{{1, stream::migrate{}}});
  node.advance(6s);
  CHECK(conn_ended);
}

}  // namespace
}  // namespace mtp::actors
