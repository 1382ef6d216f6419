// A client_conn between a client and a DC connection that the test plays.
#pragma once

#include "actors/client/client_conn.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include "net/loop/entropy.hpp"
#include "tests/support/fixed_uplink.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::actors {

using namespace std::chrono_literals;

inline constexpr dc_id wanted_dc = -4;
/// Media of DC 4 are in no list, say.
inline constexpr dc_id serving_dc = 4;

/// A client_conn on one end of a socket pair, a client on the other, and a DC connection played by
/// the test.
struct client_conn_fixture {
  test::manual_node node;
  std::shared_ptr<open_port> port;
  test::inbox<open_stream, frame_from_client, cancel_stream> dc{node.system()};
  test::fixed_uplink uplink;
  net::unique_fd client;
  std::optional<obfuscated_reader> reader;
  std::optional<obfuscated_writer> writer;
  caf::weak_actor_ptr handler;

  client_conn_fixture() {
    auto sockets =
        net::bound_port::bind({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0}, 1, false);
    REQUIRE(sockets);
    config::port_settings settings{.name = "test", .secret = net::random_array<16>()};
    port = std::make_shared<open_port>(settings, client_metrics{node.core.metrics, "test"});
    uplink.to = dc.handle();
    node.client.uplink = &uplink;
    node.configure([&](auto& all) { all.client.server_error_filter = config::error_filter::off; });
  }
  client_conn_fixture(const client_conn_fixture&) = delete;
  client_conn_fixture& operator=(const client_conn_fixture&) = delete;
  client_conn_fixture(client_conn_fixture&&) = delete;
  client_conn_fixture& operator=(client_conn_fixture&&) = delete;
  ~client_conn_fixture() {
    if (const auto actor = caf::actor_cast<caf::actor>(handler))
      caf::anon_send_exit(actor, caf::exit_reason::kill);
    node.settle();
  }

  void connect() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
    client = net::unique_fd{fds[1]};
    handler = caf::actor_cast<caf::weak_actor_ptr>(net::spawn_pinned<client_conn>(
        *node.core.reactors[0], std::ref(node.client), port,
        accepted_client{.fd = net::unique_fd{fds[0]},
                        .peer = *parse_endpoint("198.51.100.7:1234"),
                        .taken = ticket{port->connections},
                        .place = port->newcomers.join(*ip_address::parse("198.51.100.7"),
                                                      node.core.reactors[0]->now())}));
    node.settle();
  }
  void write(byte_view data) {
    REQUIRE(::send(client.get(), data.data(), data.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(data.size()));
    node.settle();
  }
  /// Header of a padded client.
  void send_header() {
    auto header = make_obfuscated2(net::random_array<64>(), port->version.get()->settings.secret,
                                   framing::padded, wanted_dc);
    reader.emplace(std::move(header.from_server), envelope::none);
    writer.emplace(std::move(header.to_server), envelope::none);
    write(header.header);
  }
  void send_packet(byte_view packet, bool ask_ack = false) {
    if (ask_ack)
      encode_frame_asking_ack(framing::padded, packet, {}, writer->plain());
    else
      encode_frame(framing::padded, packet, {}, writer->plain());
    write(writer->take());
  }
  /// What has reached the client since the last call.
  std::vector<bytes> packets() {
    bytes raw(1 << 22);
    const auto size = ::recv(client.get(), raw.data(), raw.size(), 0);
    std::vector<bytes> received;
    if (size <= 0) return received;
    REQUIRE(reader->feed(byte_span{raw}.first(static_cast<std::size_t>(size))));
    while (true) {
      const auto frame = decode_server_frame(framing::padded, reader->view(), 1 << 26);
      REQUIRE(frame);
      if (!*frame) break;
      received.push_back(to_bytes((*frame)->packet));
      reader->consume((*frame)->consumed);
    }
    reader->close();
    return received;
  }
  /// The next packets, of a size that takes several rounds to reach the client.
  std::vector<bytes> awaited_packets() {
    for (int round = 0; round < 1000; ++round) {
      if (auto received = packets(); !received.empty()) return received;
      node.settle();
    }
    return {};
  }
  bool closed() {
    std::uint8_t byte = 0;
    return ::recv(client.get(), &byte, 1, MSG_PEEK) == 0;
  }
  void tell(stream_id stream, event_to_client event) {
    caf::anon_send(caf::actor_cast<caf::actor>(handler), frame_to_client{stream, std::move(event)});
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
  std::vector<frame_from_client>& frames() { return dc.all<frame_from_client>(); }
  double counted(const std::string& name, const metric_labels& more = {}) {
    for (const auto& family : node.core.metrics.read())
      if (family.name == "mtproto_proxy_" + name)
        for (const auto& sample : family.samples) {
          metric_labels wanted{{"listener", "test"}};
          wanted.insert(wanted.end(), more.begin(), more.end());
          if (sample.labels == wanted) return sample.value;
        }
    return 0;
  }
};

inline bytes packet_of(std::size_t size) {
  bytes packet(size, 0x11);
  packet[0] = static_cast<std::uint8_t>(size);
  return packet;
}

}  // namespace mtp::actors
