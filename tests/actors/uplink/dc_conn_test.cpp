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
  CHECK(frames()[0] == frame_to_client{21, stream::data{packet_buffer{bytes(32, 0xcd)}, false}});

  bytes ack;
  rpc::encode_simple_ack(21, 0x8000'1234U, ack);
  dc.write(ack);
  node.settle();
  REQUIRE(frames().size() == 2);
  CHECK(frames()[1] == frame_to_client{21, stream::quick_ack{0x8000'1234U}});
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
    bytes encoded;
    rpc::encode_close_ext(2, encoded);
    dc.write(encoded);
    node.settle();
    REQUIRE(frames().size() == 1);
    CHECK(frames()[0] == frame_to_client{2, stream::close{}});
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
  bytes encoded;
  append_le(encoded, std::uint32_t{0x4403da0d});
  dc.write(encoded);
  node.settle();
  CHECK_FALSE(lost_reason().empty());
  CHECK(dc.closed_by_peer());
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == frame_to_client{1, stream::migrate{}});
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

TEST_CASE_FIXTURE(fixture, "dc_conn: a middle proxy that does not answer has 10 s") {
  // A backlog that is full: the kernel ignores who comes.
  REQUIRE(::listen(dc.listening(), 0) == 0);
  const auto to = net::to_socket_address(dc.at());
  std::vector<net::unique_fd> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    static_cast<void>(::connect(waiting.back().get(), to.get(), to.size));
  }
  start();
  CHECK(status().stage == "connecting");
  node.advance(9900ms);
  CHECK_FALSE(conn_ended);
  SUBCASE("then it is lost") {
    node.advance(200ms);
    CHECK(lost_reason() == "no answer within 10 s");
  }
  SUBCASE("it is stopped before") {
    caf::anon_send_exit(conn, caf::exit_reason::user_shutdown);
    node.settle();
    node.advance(20s);
    CHECK(pool.all<dc_conn_lost>().empty());
  }
  CHECK(conn_ended);
}

TEST_CASE_FIXTURE(fixture, "dc_conn: keys are made with the address it is bound to") {
  node.configure([](auto& all) { all.uplink.bind_address = ip_address::v4({127, 0, 0, 2}); });
  // The middle proxy takes the address it sees.
  make_ready();
  add_client(1);
  tell(1, stream::data{packet_buffer{bytes(16)}, false});
  const auto bodies = dc.read();
  REQUIRE(bodies.size() == 1);
  const auto message = rpc::decode_to_dc(bodies[0]);
  REQUIRE(message);
  CHECK(std::get<rpc::proxy_req>(*message).proxy.ip == ip_address::v4({127, 0, 0, 2}));
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
    CHECK(frames() == std::vector<frame_to_client>{{1, stream::migrate{}}});
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
  const auto has = [&](const frame_to_client& wanted) {
    return std::ranges::find(frames(), wanted) != frames().end();
  };
  CHECK(has({1, stream::migrate{}}));
  CHECK(has({2, stream::refused{refusal::migrating}}));

  // Sent before it knew.
  frames().clear();
  tell(1, stream::data{packet_buffer{bytes(16)}, false});
  CHECK(frames() == std::vector<frame_to_client>{{1, stream::refused{refusal::migrating}}});
  // Assigned before the pool knew.
  frames().clear();
  add_client(3);
  CHECK(frames() == std::vector<frame_to_client>{{3, stream::migrate{}}});
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
  CHECK(frames() == std::vector<frame_to_client>{{1, stream::migrate{}}});
  node.advance(6s);
  CHECK(conn_ended);
}

}  // namespace
}  // namespace mtp::actors
