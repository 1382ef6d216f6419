// A dc_conn with a middle proxy that the test moves step by step, and inboxes as pool and clients.
#pragma once

#include "actors/uplink/middle/dc_conn.hpp"
#include "codecs/base/overloaded.hpp"
#include "net/loop/tcp_stream.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/middle_proxy.hpp"

namespace mtp::actors {

using namespace std::chrono_literals;

inline constexpr dc_id tested_dc = 2;

struct conn_fixture {
  test::manual_node node;
  test::middle_proxy dc;
  bytes secret = bytes(128, 0x5e);
  test::inbox<dc_conn_ready, dc_conn_lost> pool{node.system()};
  test::inbox<frame_to_client, stream_opened> clients{node.system()};
  std::shared_ptr<dc_conn_load> load = std::make_shared<dc_conn_load>();
  caf::actor conn;
  bool conn_ended = false;

  conn_fixture() {
    auto config = std::make_shared<telegram_config>();
    config->secret = secret;
    node.uplink.telegram.set(std::move(config));
    node.configure([&](auto& all) {
      all.uplink.downstream_backpressure = {.bytes_total = 1'000'000,
                                            .packets_total = 1000,
                                            .bytes_per_upstream = std::nullopt,
                                            .packets_per_upstream = std::nullopt};
    });
    node.configure([&](auto& all) { all.uplink.upstream_healthchecks = {}; });
    node.configure([&](auto& all) { all.uplink.dc_ping_interval = 30s; });
    node.configure([&](auto& all) { all.uplink.dc_stall_timeout = 6s; });
  }
  conn_fixture(const conn_fixture&) = delete;
  conn_fixture& operator=(const conn_fixture&) = delete;
  conn_fixture(conn_fixture&&) = delete;
  conn_fixture& operator=(conn_fixture&&) = delete;
  ~conn_fixture() {
    caf::anon_send_exit(conn, caf::exit_reason::kill);
    node.settle();
  }

  void start() { start(dc.at()); }
  void start(const endpoint& to) {
    conn = net::spawn_pinned<dc_conn>(
        *node.core.reactors[0], std::ref(node.uplink),
        dc_conn_options{
            .dc = tested_dc, .to = to, .pool = pool.handle(), .number = 7, .load = load});
    conn->attach_functor([this] { conn_ended = true; });
    node.settle();
  }
  void make_ready() {
    start();
    dc.accept();
    dc.answer_nonce(secret);
    node.settle();
    dc.answer_handshake();
    node.settle();
    REQUIRE(pool.all<dc_conn_ready>().size() == 1);
    CHECK(pool.all<dc_conn_ready>()[0].number == 7);
  }
  /// A client that migrates here, for which so much waits by what its side says.
  void add_waiting_client(stream_id id, std::uint32_t size, std::uint32_t packets) {
    caf::anon_send(conn, open_stream{.stream = id,
                                     .client = clients.handle(),
                                     .request = {.dc = tested_dc,
                                                 .client = *parse_endpoint("198.51.100.7:1234"),
                                                 .kind = framing::padded,
                                                 .migrating = true,
                                                 .waiting_bytes = size,
                                                 .waiting_packets = packets},
                                     .counted = counted_client{load}});
    node.settle();
  }
  void add_client(stream_id id, unsigned reactor = 0) {
    caf::anon_send(conn, open_stream{.stream = id,
                                     .client = clients.handle(),
                                     .request = {.dc = tested_dc,
                                                 .client = *parse_endpoint("198.51.100.7:1234"),
                                                 .kind = framing::padded},
                                     .reactor = reactor,
                                     .counted = counted_client{load}});
    node.settle();
  }
  void tell(stream_id id, event_from_client event) {
    caf::anon_send(conn, frame_from_client{id, std::move(event)});
    node.settle();
  }
  void answer(stream_id id, byte_view packet) {
    bytes encoded;
    rpc::encode_proxy_ans(static_cast<rpc::conn_id>(id), packet, encoded);
    dc.write(encoded);
    node.settle();
  }
  dc_conn_status status() {
    std::optional<dc_conn_status> status;
    node.system().spawn([this, &status](caf::event_based_actor* self) {
      self->request(conn, caf::infinite, get_dc_conn_status{})
          .then([&status](const dc_conn_status& now) { status = now; });
    });
    node.settle();
    REQUIRE(status);
    return *status;
  }
  std::vector<frame_to_client>& frames() { return clients.all<frame_to_client>(); }
  /// The types of what Telegram got since the last look.
  std::vector<std::string> arrived() {
    std::vector<std::string> listed;
    for (const auto& body : dc.read()) {
      const auto message = rpc::decode_to_dc(body);
      REQUIRE(message);
      listed.push_back(std::visit(
          overloaded{
              [](const rpc::proxy_req& request) { return "req " + std::to_string(request.id); },
              [](const rpc::close_conn& closed) { return "close " + std::to_string(closed.id); },
              [](const rpc::ping&) { return std::string{"ping"}; },
              [](const rpc::pong& pong) { return "pong " + std::to_string(pong.id); },
          },
          *message));
    }
    return listed;
  }
  using texts = std::vector<std::string>;
  std::string lost_reason() {
    REQUIRE(pool.all<dc_conn_lost>().size() == 1);
    CHECK(pool.all<dc_conn_lost>()[0].number == 7);
    return pool.all<dc_conn_lost>()[0].reason;
  }
  /// Whether the pool is to think that secret or address are wrong.
  bool lost_in_doubt() { return pool.all<dc_conn_lost>().at(0).keys_in_doubt; }
};

}  // namespace mtp::actors
