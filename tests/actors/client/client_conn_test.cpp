// Packets, both ways.
#include "tests/actors/client/client_conn_fixture.hpp"

namespace mtp::actors {
namespace {

TEST_CASE_FIXTURE(
    client_conn_fixture,
    "client_conn: packets pass both ways, and are acked once they have left the socket") {
  const auto id = established();
  send_packet(packet_of(8), true);
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == frame_from_client{id, stream::data{packet_buffer{packet_of(8)}, true}});
  tell(id, stream::data{packet_buffer{packet_of(100)}, false});
  tell(id, stream::data{packet_buffer{packet_of(200)}, false});
  CHECK(packets() == std::vector<bytes>{packet_of(100), packet_of(200)});
  REQUIRE(frames().size() == 3);
  CHECK(frames()[1] == frame_from_client{id, stream::ack{.size = 100, .packets = 1}});
  CHECK(frames()[2] == frame_from_client{id, stream::ack{.size = 200, .packets = 1}});
}

TEST_CASE_FIXTURE(client_conn_fixture, "client_conn: what a client does not take is not acked") {
  const auto id = established();
  constexpr std::size_t size = 4 << 20;
  tell(id, stream::data{packet_buffer{packet_of(size)}, false});
  CHECK(frames().empty());
  CHECK(awaited_packets().size() == 1);
  REQUIRE(frames().size() == 1);
  CHECK(frames()[0] == frame_from_client{id, stream::ack{.size = size, .packets = 1}});
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: beyond the window the client is not read, until acks come") {
  const auto id = established();
  for (int i = 0; i < 100; ++i) {
    encode_frame(framing::padded, packet_of(8192), {}, writer->plain());
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

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: many small packets use up the window, and acks give it back") {
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

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: close lets what is queued reach the client first") {
  const auto id = established();
  tell(id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  tell(id, stream::close{});
  CHECK(awaited_packets().size() == 1);
  CHECK(closed());
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: a client that is too slow is closed with what waits for it") {
  const auto id = established();
  tell(id, stream::data{packet_buffer{packet_of(4 << 20)}, false});
  CHECK(node.core.memory.held() > 0);
  tell(id, stream::refused{refusal::too_slow});
  CHECK(port->connections == 0);
  CHECK(node.core.memory.held() == 0);
}

TEST_CASE_FIXTURE(client_conn_fixture, "client_conn: the server error filter drops -404 as told") {
  const bytes error{0x6c, 0xfe, 0xff, 0xff};
  const auto dropped = [&] {
    return counted("protocol_error_total", {{"reason", "srv_error_filtered"}});
  };
  SUBCASE("first") {
    node.configure(
        [&](auto& all) { all.client.server_error_filter = config::error_filter::first; });
    const auto id = established();
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets().empty());
    // Dropped or not, it has been dealt with.
    CHECK(frames().back() == frame_from_client{id, stream::ack{.size = 4, .packets = 1}});
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets() == std::vector<bytes>{error});
    CHECK(dropped() == 1);
  }
  SUBCASE("first, but not the first packet") {
    node.configure(
        [&](auto& all) { all.client.server_error_filter = config::error_filter::first; });
    const auto id = established();
    tell(id, stream::data{packet_buffer{packet_of(8)}, false});
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets() == std::vector<bytes>{packet_of(8), error});
  }
  SUBCASE("on") {
    node.configure([&](auto& all) { all.client.server_error_filter = config::error_filter::on; });
    const auto id = established();
    for (int i = 0; i < 3; ++i)
      tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets().empty());
    CHECK(dropped() == 3);
  }
  SUBCASE("auto: a client that can't be a replay gets it") {
    node.configure(
        [&](auto& all) { all.client.server_error_filter = config::error_filter::automatic; });
    const auto id = established();
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets() == std::vector<bytes>{error});
    CHECK(dropped() == 0);
    CHECK_FALSE(closed());
  }
  SUBCASE("auto: one that may be a replay is closed") {
    node.configure(
        [&](auto& all) { all.client.server_error_filter = config::error_filter::automatic; });
    node.configure([&](auto& all) { all.client.replay_check_session_storage = false; });
    const auto id = established();
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets().empty());
    CHECK(dropped() == 1);
    CHECK(closed());
    CHECK(frames().back() == frame_from_client{id, stream::close{}});
  }
  SUBCASE("auto: but not over a later packet") {
    node.configure(
        [&](auto& all) { all.client.server_error_filter = config::error_filter::automatic; });
    node.configure([&](auto& all) { all.client.replay_check_session_storage = false; });
    const auto id = established();
    tell(id, stream::data{packet_buffer{packet_of(8)}, false});
    tell(id, stream::data{packet_buffer{error}, false});
    CHECK(packets() == std::vector<bytes>{packet_of(8), error});
    CHECK_FALSE(closed());
  }
}

TEST_CASE_FIXTURE(client_conn_fixture,
                  "client_conn: a header that another front has seen is refused as any replay") {
  const auto refused = [&] {
    return counted("protocol_error_total", {{"reason", "replay_session_detected"}});
  };
  auto& shared = node.link.shared_replays;
  const auto secret = port->version.get()->settings.secret;
  const auto any_header = [&] {
    return make_obfuscated2(net::random_array<64>(), secret, framing::padded, wanted_dc).header;
  };
  const auto header = any_header();
  const std::vector seen{replay_record{
      .fingerprint = fingerprint_of(secret, byte_view{header}.subspan(8, 48)), .used = 1}};
  node.configure([&](auto& all) { all.client.replay_share = true; });
  shared.follow(node.core.config.get()->client);
  CHECK(shared.add("other", seen));
  const auto comes = [&](byte_view first) {
    connect();
    write(first);
    return !closed();
  };
  CHECK_FALSE(comes(header));
  CHECK(refused() == 1);
  // From now on it is known here, whatever becomes of those of others; and it is not told on.
  shared.clean(2, 2);
  CHECK_FALSE(comes(header));
  CHECK(refused() == 2);
  CHECK(shared.read_own({}, 10).handshakes.empty());
  const auto own = any_header();
  CHECK(comes(own));
  CHECK(shared.read_own({}, 10).handshakes.size() == 1);
  CHECK_FALSE(comes(own));
  CHECK(shared.read_own({}, 10).handshakes.size() == 1);
  CHECK(refused() == 3);
}

}  // namespace
}  // namespace mtp::actors
