// Packets for a client, over a byte stream that is none of the kernel's.
#include "actors/client/client_session.hpp"

#include <doctest/doctest.h>

#include "net/loop/entropy.hpp"

namespace mtp::actors {
namespace {

/// Keeps what it is sent.
class kept_stream final : public net::byte_stream {
 public:
  void start() override {}
  [[nodiscard]] bool is_open() const noexcept override { return true; }
  [[nodiscard]] read_result read(byte_span) override { return {}; }
  [[nodiscard]] bool has_unread() const override { return false; }
  void want_read(bool on) override { want_read_ = on; }
  void flush_later() override {}
  void write_now() override {}
  void reset_on_close(bool) override {}
  void close() override {}

  bytes take() {
    queued_ = 0;
    return join(std::exchange(queue_, {}));
  }
};

struct session_fixture {
  std::optional<rpc::ad_tag> tag;
  config::client_config settings;
  kept_stream stream;
  std::optional<obfuscated_reader> client;

  /// Of a client that uses padding, when the answer to its hello has left but for `unsent` bytes.
  client_session established(std::size_t unsent = 0, bool tls = false) {
    const auto secret = net::random_array<16>();
    client_handshake codec{{.secret = secret}};
    auto header = make_obfuscated2(net::random_array<64>(), secret, framing::padded, 2);
    client.emplace(std::move(header.from_server), envelope::none);
    auto step = codec.feed(header.header);
    REQUIRE(step);
    auto& done = std::get<client_handshake::established>(*step);
    done.tls = tls;
    return {done, &tag, settings, unsent};
  }
  bytes packet_that_came() {
    auto raw = stream.take();
    REQUIRE(client->feed(raw));
    const auto frame = decode_server_frame(framing::padded, client->view(), 1 << 20);
    REQUIRE(frame);
    REQUIRE(*frame);
    auto packet = to_bytes((*frame)->packet);
    client->consume((*frame)->consumed);
    client->close();
    return packet;
  }
};

TEST_CASE_FIXTURE(session_fixture,
                  "client session: a packet is acked when its last byte has left") {
  auto session = established();
  const bytes packet(64, 0x11);
  session.write(packet_buffer{packet});
  CHECK(session.unacked() == stream::ack{.size = 64, .packets = 1});
  session.flush(stream);
  const auto size = stream.queued();
  CHECK(size >= 64);
  CHECK(session.leave(size - 1) == stream::ack{});
  CHECK(session.unacked() == stream::ack{.size = 64, .packets = 1});
  CHECK(session.leave(1) == stream::ack{.size = 64, .packets = 1});
  CHECK(session.unacked() == stream::ack{});
  CHECK(packet_that_came() == packet);
}

TEST_CASE_FIXTURE(session_fixture, "client session: what is left of the handshake leaves first") {
  auto session = established(1000);
  session.write(packet_buffer{bytes(64, 0x11)});
  session.flush(stream);
  const auto size = stream.queued();
  CHECK(session.leave(size) == stream::ack{});
  CHECK(session.leave(999) == stream::ack{});
  CHECK(session.leave(1) == stream::ack{.size = 64, .packets = 1});
}

TEST_CASE_FIXTURE(session_fixture,
                  "client session: packets that leave together are acked together") {
  auto session = established();
  session.write(packet_buffer{bytes(16, 0x11)});
  session.write(packet_buffer{bytes(32, 0x11)});
  session.flush(stream);
  session.write(packet_buffer{bytes(64, 0x11)});
  CHECK(session.unacked() == stream::ack{.size = 112, .packets = 3});
  CHECK(session.leave(stream.queued()) == stream::ack{.size = 48, .packets = 2});
}

TEST_CASE_FIXTURE(session_fixture, "client session: which -404 is filtered") {
  const bytes error{0x6c, 0xfe, 0xff, 0xff};
  const bytes other{0x6c, 0xfe, 0xff, 0xfe};
  settings.replay_check_session_storage = false;
  SUBCASE("none") {
    settings.server_error_filter = config::error_filter::off;
    CHECK_FALSE(established().is_filtered(error));
  }
  SUBCASE("every one") {
    settings.server_error_filter = config::error_filter::on;
    auto session = established();
    CHECK_FALSE(session.is_filtered(other));
    CHECK(session.is_filtered(error));
    CHECK(session.is_filtered(error));
  }
  SUBCASE("the first packet") {
    settings.server_error_filter = config::error_filter::first;
    auto session = established();
    CHECK(session.is_filtered(error));
    CHECK_FALSE(session.is_filtered(error));
  }
  SUBCASE("automatic: the first packet, if the client may be a replay, with fake-TLS or without") {
    settings.server_error_filter = config::error_filter::automatic;
    for (const bool tls : {false, true}) {
      settings.replay_check_session_storage = false;
      auto session = established(0, tls);
      CHECK(session.is_filtered(error));
      CHECK_FALSE(session.is_filtered(error));
      settings.replay_check_session_storage = true;
      CHECK_FALSE(established(0, tls).is_filtered(error));
    }
  }
}

}  // namespace
}  // namespace mtp::actors
