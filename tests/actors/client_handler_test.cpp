#include "actors/client_handler.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "net/entropy.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

constexpr dc_id wanted_dc = -4;
/// Media of DC 4 are in no list, say.
constexpr dc_id serving_dc = 4;

/// A handler on one end of a socket pair, a client on the other, and a DC connection played by the
/// test.
struct fixture {
  test::manual_node node;
  std::unique_ptr<open_port> port;
  test::inbox<open_stream, stream_frame, cancel_stream> dc{node.system()};
  net::unique_fd client;
  std::optional<obfuscated_reader> reader;
  std::optional<obfuscated_writer> writer;
  caf::weak_actor_ptr handler;
  bool somebody_routes = true;

  fixture() {
    auto sockets =
        net::bound_port::bind({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0}, 1, false);
    REQUIRE(sockets);
    port_settings settings{.name = "test", .secret = net::random_array<16>()};
    port.reset(new open_port{settings, std::move(*sockets), {node.env.metrics, "test"}});
    node.env.route = [this](const stream::open&, unsigned) {
      return routed{somebody_routes ? dc.handle() : caf::actor{}};
    };
    node.env.settings.server_error_filter = error_filter::off;
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;
  fixture(fixture&&) = delete;
  fixture& operator=(fixture&&) = delete;
  ~fixture() {
    if (const auto one = caf::actor_cast<caf::actor>(handler))
      caf::anon_send_exit(one, caf::exit_reason::kill);
    node.settle();
  }

  void connect() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
    client = net::unique_fd{fds[1]};
    handler = caf::actor_cast<caf::weak_actor_ptr>(net::spawn_pinned<client_handler>(
        *node.env.reactors[0], std::ref(node.env), std::ref(*port),
        accepted_client{.fd = net::unique_fd{fds[0]},
                        .peer = *parse_endpoint("198.51.100.7:1234"),
                        .slot = connection_slot{*port},
                        .place = port->newcomers.join(*ip_address::parse("198.51.100.7"),
                                                      node.env.reactors[0]->now())}));
    node.settle();
  }
  void write(byte_view data) {
    REQUIRE(::send(client.get(), data.data(), data.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(data.size()));
    node.settle();
  }
  /// Header of a padded client.
  void send_header() {
    auto header = make_obfuscated2(net::random_array<64>(), port->settings.secret,
                                   transport::padded, wanted_dc);
    reader.emplace(std::move(header.from_server), envelope::none);
    writer.emplace(std::move(header.to_server), envelope::none);
    write(header.header);
  }
  void send_packet(byte_view packet, bool ask_ack = false) {
    if (ask_ack)
      encode_frame_asking_ack(transport::padded, packet, {}, writer->plain());
    else
      encode_frame(transport::padded, packet, {}, writer->plain());
    write(writer->take());
  }
  /// What has reached the client since the last call.
  std::vector<bytes> packets() {
    bytes raw(1 << 22);
    const auto size = ::recv(client.get(), raw.data(), raw.size(), 0);
    std::vector<bytes> out;
    if (size <= 0) return out;
    REQUIRE(reader->feed(byte_span{raw}.first(static_cast<std::size_t>(size))));
    while (true) {
      const auto frame = decode_server_frame(transport::padded, reader->view(), 1 << 26);
      REQUIRE(frame);
      if (!*frame) break;
      out.push_back(to_bytes((*frame)->packet));
      reader->consume((*frame)->consumed);
    }
    reader->close();
    return out;
  }
  /// The next packets, of a size that takes several rounds to reach the client.
  std::vector<bytes> awaited_packets() {
    for (int round = 0; round < 1000; ++round) {
      if (auto out = packets(); !out.empty()) return out;
      node.settle();
    }
    return {};
  }
  bool closed() {
    std::uint8_t byte = 0;
    return ::recv(client.get(), &byte, 1, MSG_PEEK) == 0;
  }
  void tell(stream_id stream, stream::event event) {
    caf::anon_send(caf::actor_cast<caf::actor>(handler), stream_frame{stream, std::move(event)});
    node.settle();
  }
  stream_id last_stream() {
    REQUIRE_FALSE(dc.all<open_stream>().empty());
    return dc.all<open_stream>().back().stream;
  }
  void open() {
    caf::anon_send(caf::actor_cast<caf::actor>(handler),
                   stream_opened{last_stream(), dc.handle(), 0, serving_dc});
    node.settle();
  }
  /// A client past everything, with its stream.
  stream_id established() {
    connect();
    send_header();
    open();
    return last_stream();
  }
  std::vector<stream_frame>& frames() { return dc.all<stream_frame>(); }
  double counted(const std::string& name, const metric_labels& more = {}) {
    for (const auto& family : node.env.metrics.read())
      if (family.name == "mtproto_proxy_" + name)
        for (const auto& sample : family.samples) {
          metric_labels wanted{{"listener", "test"}};
          wanted.insert(wanted.end(), more.begin(), more.end());
          if (sample.labels == wanted) return sample.value;
        }
    return 0;
  }
};

bytes packet_of(std::size_t size) {
  bytes out(size, 0x11);
  out[0] = static_cast<std::uint8_t>(size);
  return out;
}

TEST_CASE_FIXTURE(
    fixture, "handler: after the header it asks for the client's DC, and holds what came with it") {
  connect();
  send_header();
  send_packet(packet_of(64));
  REQUIRE(dc.all<open_stream>().size() == 1);
  const auto& asked = dc.all<open_stream>()[0];
  CHECK(asked.request.dc == wanted_dc);
  CHECK(asked.request.client == *parse_endpoint("198.51.100.7:1234"));
  CHECK(asked.request.kind == transport::padded);
  CHECK_FALSE(asked.request.migrating);
  CHECK(frames().empty());
  open();
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] ==
        stream_frame{asked.stream, stream::data{packet_buffer{packet_of(64)}, false}});
}

TEST_CASE_FIXTURE(fixture,
                  "handler: packets pass both ways, and are acked once they have left the socket") {
  const auto id = established();
  send_packet(packet_of(8), true);
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == stream_frame{id, stream::data{packet_buffer{packet_of(8)}, true}});
  tell(id, stream::data{packet_buffer{packet_of(100)}, false});
  tell(id, stream::data{packet_buffer{packet_of(200)}, false});
  CHECK(packets() == std::vector<bytes>{packet_of(100), packet_of(200)});
  REQUIRE(frames().size() == 3);
  CHECK(frames()[1] == stream_frame{id, stream::ack{.size = 100, .packets = 1}});
  CHECK(frames()[2] == stream_frame{id, stream::ack{.size = 200, .packets = 1}});
}

TEST_CASE_FIXTURE(fixture, "handler: what a client does not take is not acked") {
  const auto id = established();
  constexpr std::size_t size = 4 << 20;
  tell(id, stream::data{packet_buffer{packet_of(size)}, false});
  CHECK(frames().empty());
  CHECK(awaited_packets().size() == 1);
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == stream_frame{id, stream::ack{.size = size, .packets = 1}});
}

TEST_CASE_FIXTURE(fixture, "handler: beyond the window the client is not read, until acks come") {
  const auto id = established();
  for (int i = 0; i < 100; ++i) {
    encode_frame(transport::padded, packet_of(8192), {}, writer->plain());
    const auto data = writer->take();
    static_cast<void>(::send(client.get(), data.data(), data.size(), MSG_NOSIGNAL));
    node.settle();
  }
  const auto before = frames().size();
  CHECK(before * 8192 >= 256 * 1024);
  CHECK(before * 8192 < 256 * 1024 + 51200 + 8192);
  for (int i = 0; i < 4; ++i)
    tell(id, stream::ack{.size = 65536, .packets = 0});
  CHECK(frames().size() > before);
}

TEST_CASE_FIXTURE(fixture,
                  "handler: an idle client migrates; what waits for it is the new connection's") {
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
  CHECK(frames()[0] == stream_frame{new_id, stream::ack{.size = 4 << 20, .packets = 1}});
  frames().clear();
  tell(new_id, stream::data{packet_buffer{packet_of(20)}, false});
  CHECK(packets() == std::vector<bytes>{packet_of(20)});
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == stream_frame{new_id, stream::ack{.size = 20, .packets = 1}});
  // Late events of the old stream mean nothing.
  tell(old_id, stream::data{packet_buffer{packet_of(24)}, false});
  tell(old_id, stream::close{});
  CHECK(packets().empty());
  CHECK_FALSE(closed());
}

TEST_CASE_FIXTURE(
    fixture, "handler: a client with a fresh request does not migrate; with an old one it does") {
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

TEST_CASE_FIXTURE(fixture, "handler: data that the old connection sends back closes the client") {
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
    CHECK(frames()[0] == stream_frame{last_stream(), stream::close{}});
  }
  CHECK(closed());
}

TEST_CASE_FIXTURE(fixture, "handler: many small packets use up the window, and acks give it back") {
  const auto id = established();
  const std::size_t sent = 2050;
  for (std::size_t i = 0; i < sent; ++i)
    send_packet(packet_of(4));
  const auto passed = frames().size();
  CHECK(passed < sent);
  CHECK(credit_of(4 * passed, passed) >= 256 * 1024);
  tell(id, stream::ack{.size = static_cast<std::uint32_t>(4 * passed),
                       .packets = static_cast<std::uint32_t>(passed)});
  CHECK(frames().size() > passed);
}

TEST_CASE_FIXTURE(fixture, "handler: it asks again while nobody gives connections, then gives up") {
  somebody_routes = false;
  connect();
  send_header();
  CHECK(dc.all<open_stream>().empty());
  somebody_routes = true;
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

TEST_CASE_FIXTURE(fixture, "handler: a client that leaves is taken back from wherever it was") {
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
    CHECK(frames()[0] == stream_frame{id, stream::close{}});
  }
  CHECK(port->connections == 0);
  CHECK(counted("in_connection_closed_total") == 1);
  CHECK(node.env.clients[0].size() == 0);
}

TEST_CASE_FIXTURE(fixture, "handler: a stream opened for somebody who left is closed") {
  connect();
  send_header();
  const auto asked = last_stream();
  tell(asked, stream::migrate{});
  node.advance(200ms);
  caf::anon_send(caf::actor_cast<caf::actor>(handler),
                 stream_opened{asked, dc.handle(), 0, serving_dc});
  node.settle();
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == stream_frame{asked, stream::close{}});
}

TEST_CASE_FIXTURE(fixture, "handler: close lets what is queued reach the client first") {
  const auto id = established();
  tell(id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  tell(id, stream::close{});
  CHECK(awaited_packets().size() == 1);
  CHECK(closed());
}

TEST_CASE_FIXTURE(fixture, "handler: a client that is too slow is closed with what waits for it") {
  const auto id = established();
  tell(id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  CHECK(node.env.memory.held() > 0);
  tell(id, stream::refused{refusal::too_slow});
  CHECK(port->connections == 0);
  CHECK(node.env.memory.held() == 0);
}

TEST_CASE_FIXTURE(fixture, "handler: upstream_send_timeout_ms = 0 means never") {
  node.env.settings.upstream_send_timeout = 0ms;
  const auto id = established();
  tell(id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  node.advance(600s);
  CHECK(port->connections == 1);
}

TEST_CASE_FIXTURE(fixture,
                  "handler: a client that takes nothing is closed after upstream_send_timeout") {
  node.env.settings.upstream_send_timeout = 5s;
  const auto id = established();
  tell(id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  node.advance(4s);
  CHECK(port->connections == 1);
  node.advance(2s);
  CHECK(port->connections == 0);
  CHECK(counted("upstream_send_error_total", {{"reason", "timeout"}}) == 1);
}

TEST_CASE_FIXTURE(fixture,
                  "handler: a handshake takes init_timeout at the most, however it drips") {
  node.env.settings.init_timeout = 10s;
  connect();
  for (int i = 0; i < 9; ++i) {
    write(bytes{0x42});
    node.advance(1s);
  }
  CHECK_FALSE(closed());
  node.advance(2s);
  CHECK(closed());
  CHECK(counted("inactive_timeout_total") == 1);
}

TEST_CASE_FIXTURE(fixture,
                  "handler: idle clients are put to rest, then closed; activity starts over") {
  node.env.settings.hibernate_timeout = 60s;
  node.env.settings.ready_timeout = 1200s;
  const auto id = established();
  node.advance(61s);
  CHECK(counted("inactive_hibernate_total") == 1);
  send_packet(packet_of(8));
  tell(id, stream::data{packet_buffer{packet_of(8)}, false});
  CHECK(counted("timer_switch_total", {{"from", "stop"}, {"to", "hibernate"}}) == 1);
  node.advance(1100s);
  CHECK_FALSE(closed());
  static_cast<void>(packets());
  node.advance(200s);
  CHECK(closed());
  CHECK(counted("inactive_timeout_total") == 1);
}

TEST_CASE_FIXTURE(fixture, "handler: the server error filter drops -404 as told") {
  const bytes error{0x6c, 0xfe, 0xff, 0xff};
  const auto dropped = [&] {
    return counted("protocol_error_total", {{"reason", "srv_error_filtered"}});
  };
  SUBCASE("first") {
    node.env.settings.server_error_filter = error_filter::first;
    const auto id = established();
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets().empty());
    // Dropped or not, it has been dealt with.
    CHECK(frames().back() == stream_frame{id, stream::ack{.size = 4, .packets = 1}});
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets() == std::vector<bytes>{error});
    CHECK(dropped() == 1);
  }
  SUBCASE("first, but not the first packet") {
    node.env.settings.server_error_filter = error_filter::first;
    const auto id = established();
    tell(id, stream::data{packet_buffer{packet_of(8)}, false});
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets() == std::vector<bytes>{packet_of(8), error});
  }
  SUBCASE("on") {
    node.env.settings.server_error_filter = error_filter::on;
    const auto id = established();
    for (int i = 0; i < 3; ++i)
      tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets().empty());
    CHECK(dropped() == 3);
  }
  SUBCASE("auto: a client that can't be a replay gets it") {
    node.env.settings.server_error_filter = error_filter::automatic;
    const auto id = established();
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets() == std::vector<bytes>{error});
    CHECK(dropped() == 0);
    CHECK_FALSE(closed());
  }
  SUBCASE("auto: one that may be a replay is closed") {
    node.env.settings.server_error_filter = error_filter::automatic;
    node.env.settings.replay_check_session_storage = false;
    const auto id = established();
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets().empty());
    CHECK(dropped() == 1);
    CHECK(closed());
    CHECK(frames().back() == stream_frame{id, stream::close{}});
  }
  SUBCASE("auto: but not over a later packet") {
    node.env.settings.server_error_filter = error_filter::automatic;
    node.env.settings.replay_check_session_storage = false;
    const auto id = established();
    tell(id, stream::data{packet_buffer{packet_of(8)}, false});
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets() == std::vector<bytes>{packet_of(8), error});
    CHECK_FALSE(closed());
  }
}

TEST_CASE_FIXTURE(fixture, "handler: a client that migrates asks for the DC that served it") {
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

TEST_CASE_FIXTURE(fixture, "handler: where no DC will do, a client that migrates is closed") {
  const auto id = established();
  node.env.route = [](const stream::open&, unsigned) -> routed {
    return tl::unexpected{refusal::unknown_dc};
  };
  tell(id, stream::migrate{});
  CHECK(closed());
  CHECK(counted("downstream_migration_total", {{"dc_id", "-4"}, {"result", "not_found"}}) == 1);
}

TEST_CASE_FIXTURE(fixture, "handler: whose place is needed closes, unless it is a client") {
  const auto crowd_out = [&] {
    caf::anon_send(caf::actor_cast<caf::actor>(handler), crowded_out{});
    node.settle();
  };
  const auto counts = [&] { return counted("protocol_error_total", {{"reason", "crowded_out"}}); };
  SUBCASE("silent") {
    connect();
    CHECK(port->newcomers.size() == 1);
    REQUIRE(port->newcomers.choose(node.env.reactors[0]->now(), false));
    CHECK(port->newcomers.leaving() == 1);
    crowd_out();
    CHECK(port->newcomers.leaving() == 0);
    CHECK(closed());
    CHECK(counts() == 1);
    CHECK(port->connections == 0);
  }
  SUBCASE("gone meanwhile") {
    connect();
    client = {};
    node.settle();
    CHECK(port->newcomers.size() == 0);
  }
  SUBCASE("with a header") {
    connect();
    send_header();
    CHECK(port->newcomers.size() == 0);
    crowd_out();
    CHECK_FALSE(closed());
  }
  SUBCASE("with a hello") {
    connect();
    write(make_client_hello(port->settings.secret, "example.com", 1,
                            net::random_array<client_hello_random_size>()));
    CHECK(port->newcomers.size() == 0);
    crowd_out();
    bytes flight(65536);
    CHECK(::recv(client.get(), flight.data(), flight.size(), 0) > 0);
    CHECK_FALSE(closed());
  }
}

TEST_CASE_FIXTURE(fixture, "handler: without upstream_send_timeout_ms bytes may wait for ever") {
  node.env.settings.upstream_send_timeout = 0ms;
  const auto id = established();
  // More than the client's kernel takes.
  tell(id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  node.advance(10s);
  tell(id, stream::migrate{});
  CHECK(last_stream() != id);
  open();
  node.advance(600s);
  CHECK(port->connections == 1);
  CHECK(counted("upstream_send_error_total", {{"reason", "timeout"}}) == 0);
}

}  // namespace
}  // namespace mtp::actors
