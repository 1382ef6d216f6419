// The cases of the original's single_dc_SUITE, by their names there.
#include <ctime>

#include "codecs/client/client_handshake.hpp"
#include "net/loop/entropy.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

TEST_CASE("echo_secure_case") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  const auto before = proxy.metric("in_connection_total{listener=\"test\"}");
  {
    auto client = proxy.client(secure_protocol());
    check_echo(client);
    CHECK(proxy.metric("protocol_ok_total{listener=\"test\",protocol=\"mtp_secure\"}") == 1);
  }
  CHECK(proxy.wait_for_metric("in_connection_closed_total{listener=\"test\"}", before + 1));
  CHECK(proxy.metric("in_connection_total{listener=\"test\"}") == before + 1);
  const std::string sent = "tg_packet_size_bytes_";
  CHECK(proxy.metric(sent + "count{direction=\"upstream_to_downstream\"}") == 1);
  CHECK(proxy.metric(sent + "sum{direction=\"upstream_to_downstream\"}") == 64);
  CHECK(proxy.metric(sent + "count{direction=\"downstream_to_upstream\"}") == 1);
}

TEST_CASE("echo_abridged_many_packets_case") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  auto client = proxy.client(abridged_protocol());
  std::vector<bytes> packets;
  for (int i = 0; i < 15; ++i)
    packets.push_back(random_packet(4 * net::random_between(1U, 50U)));
  for (const auto& packet : packets)
    REQUIRE(client.send(packet, false, soon()));
  for (const auto& packet : packets) {
    const auto got = client.receive(soon());
    REQUIRE(got);
    CHECK(got->packet == packet);
  }
  CHECK(proxy.metric("tg_packet_size_bytes_count{direction=\"upstream_to_downstream\"}") == 15);
}

TEST_CASE("echo_tls_case") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  auto client = proxy.client(tls_protocol());
  check_echo(client);
  CHECK(proxy.metric("protocol_ok_total{listener=\"test\",protocol=\"mtp_secure_fake_tls\"}") == 1);
}

/// A hello like any other, with one more extension of `extra` bytes.
bytes hello_with(const secret16& secret, std::size_t extra) {
  auto hello =
      make_client_hello(secret, "example.com", static_cast<std::uint32_t>(std::time(nullptr)),
                        net::random_array<client_hello_random_size>());
  append_be16(hello, 0x0015);  // padding
  append_be16(hello, extra);
  hello.resize(hello.size() + extra);
  const auto grown = 4 + extra;
  const auto grow16 = [&](std::size_t at) {
    store_be16(byte_span{hello}.subspan(at), load_be16(byte_view{hello}.subspan(at)) + grown);
  };
  grow16(3);  // the record
  grow16(7);  // the message (the low 16 of its 24 bits)
  const std::size_t suites_at = 44 + 32;
  const std::size_t compression_at = suites_at + 2 + load_be16(byte_view{hello}.subspan(suites_at));
  grow16(compression_at + 2);  // the extensions
  sign_client_hello(hello, secret, static_cast<std::uint32_t>(std::time(nullptr)));
  return hello;
}

/// Goes on behind the hello, and has a packet come back.
void check_echo_behind_hello(net::blocking_socket& socket, const secret16& secret) {
  auto client =
      make_obfuscated2(net::random_array<obfuscated2_header_size>(), secret, framing::padded, 2);
  obfuscated_writer writer{std::move(client.to_server), envelope::tls};
  obfuscated_reader reader{std::move(client.from_server), envelope::tls};
  bytes sent{0x14, 3, 3, 0, 1, 1};  // ChangeCipherSpec
  append_tls_records(client.header, max_tls_record_payload, sent);
  const auto packet = random_packet(64);
  encode_frame(framing::padded, packet, {}, writer.plain());
  append(sent, writer.take());
  REQUIRE(socket.send(sent, soon()));
  bytes buffer(65536);
  while (true) {
    const auto got = socket.receive(buffer, soon());
    REQUIRE(got);
    REQUIRE(*got > 0);
    REQUIRE(reader.feed(byte_span{buffer}.first(*got)));
    const auto frame = decode_frame(framing::padded, reader.view());
    REQUIRE(frame);
    if (*frame) {
      CHECK(to_bytes((*frame)->packet) == packet);
      return;
    }
    reader.close();
  }
}

/// Sends a hello in pieces and expects an answer that a client would take, and service.
void check_hello_accepted(proxy_under_test& proxy, const std::vector<bytes>& pieces,
                          byte_view client_random) {
  auto socket = proxy.connect();
  for (const auto& piece : pieces)
    REQUIRE(socket.send(piece, soon()));
  bytes answer;
  bytes buffer(65536);
  while (true) {
    const auto flight = check_server_flight(answer, client_random, proxy.secret());
    REQUIRE(flight);
    if (*flight) break;
    const auto got = socket.receive(buffer, soon());
    REQUIRE(got);
    REQUIRE(*got > 0);
    append(answer, byte_view{buffer}.first(*got));
  }
  check_echo_behind_hello(socket, proxy.secret());
}

std::vector<bytes> in_pieces(byte_view whole, std::size_t size) {
  std::vector<bytes> pieces;
  for (; !whole.empty(); whole = whole.subspan(std::min(size, whole.size())))
    pieces.push_back(to_bytes(whole.first(std::min(size, whole.size()))));
  return pieces;
}

TEST_CASE("echo_tls_long_hello_case") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  for (const std::size_t extra : {0, 224, 2000, 8000, 14500}) {
    const auto hello = hello_with(proxy.secret(), extra);
    CAPTURE(hello.size());
    check_hello_accepted(proxy, {hello}, byte_view{hello}.subspan(client_random_at, 32));
  }
}

TEST_CASE("a hello is taken byte by byte, and cut in any number of TLS records") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  const auto hello = hello_with(proxy.secret(), 100);
  const auto random = byte_view{hello}.subspan(client_random_at, 32);
  check_hello_accepted(proxy, in_pieces(hello, 1), random);
  for (const std::size_t record : {1, 3, 100, 1000}) {
    // The network, or a tool on the client's machine, cuts the record; the random is over the
    // whole.
    const auto again = hello_with(proxy.secret(), 100);
    bytes records;
    for (const auto& piece : in_pieces(byte_view{again}.subspan(5), record)) {
      append(records, std::array<std::uint8_t, 3>{22, 3, 1});
      append_be16(records, piece.size());
      append(records, piece);
    }
    CAPTURE(record);
    check_hello_accepted(proxy, in_pieces(records, 777),
                         byte_view{again}.subspan(client_random_at, 32));
  }
}

TEST_CASE("ipv6_connect_case") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.listen_ip = "::1", .telegram = &telegram}};
  for (const auto& protocol : all_protocols()) {
    auto client = proxy.client(protocol);
    check_echo(client);
    CHECK(telegram.requests().back().client.ip == *ip_address::parse("::1"));
  }
}

TEST_CASE("packet_too_large_case") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  for (const auto& [protocol, reason] :
       {std::pair{abridged_protocol(), "abridged_max_size"},
        std::pair{intermediate_protocol(), "intermediate_max_size"}}) {
    CAPTURE(protocol.name);
    CHECK(proxy.metric(protocol_error(reason)) == 0);
    auto client = proxy.client(protocol);
    check_echo(client);
    // The proxy may close before it has all been sent.
    static_cast<void>(client.send(random_packet(1024 * 1024 + 1024), false, soon()));
    check_closed(client);
    CHECK(proxy.metric(protocol_error(reason)) == 1);
  }
}

/// A header and a packet, as one client would send them.
bytes recorded_start(const secret16& secret) {
  auto header = make_obfuscated2(net::random_array<64>(), secret, framing::padded, 2);
  obfuscated_writer writer{std::move(header.to_server), envelope::none};
  encode_frame(framing::padded, random_packet(64), {}, writer.plain());
  bytes sent = to_bytes(header.header);
  append(sent, writer.take());
  return sent;
}

TEST_CASE("replay_attack_case") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  const auto start = recorded_start(proxy.secret());
  auto first = proxy.connect();
  REQUIRE(first.send(start, soon()));
  bytes buffer(1024);
  REQUIRE(first.receive(buffer, soon()).value_or(0) > 0);
  CHECK(proxy.metric(protocol_error("replay_session_detected")) == 0);

  auto second = proxy.connect();
  REQUIRE(second.send(start, soon()));
  check_closed(second);
  CHECK(proxy.metric(protocol_error("replay_session_detected")) == 1);
}

TEST_CASE("a replayed ClientHello gets no answer") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  const auto hello = hello_with(proxy.secret(), 0);
  check_hello_accepted(proxy, {hello}, byte_view{hello}.subspan(client_random_at, 32));
  auto second = proxy.connect();
  REQUIRE(second.send(hello, soon()));
  check_closed(second);
  CHECK(proxy.metric(protocol_error("replay_session_detected")) == 1);
  // Nothing protects the clock in the last 4 bytes of the random: it makes no new hello.
  auto changed = hello;
  changed[client_random_at + client_digest_size] ^= 0x55;
  auto third = proxy.connect();
  REQUIRE(third.send(changed, soon()));
  check_closed(third);
  CHECK(proxy.metric(protocol_error("replay_session_detected")) == 2);
}

TEST_CASE("replay_attack_server_error_case") {
  const fake_telegram telegram;
  const bytes server_error{0x6c, 0xfe, 0xff, 0xff};
  const auto filtered = protocol_error("srv_error_filtered");
  const auto expect_error = [&](net::proxy_client& client) {
    REQUIRE(client.send(server_error, false, soon()));
    const auto got = client.receive(soon());
    REQUIRE(got);
    CHECK(got->packet == server_error);
  };
  SUBCASE("auto: nothing that was checked for a replay is dropped") {
    proxy_under_test proxy{{.telegram = &telegram}};
    for (const auto& how : all_protocols()) {
      auto client = proxy.client(how);
      expect_error(client);
      check_echo(client);
    }
    CHECK(proxy.metric(filtered) == 0);
  }
  SUBCASE("auto: what may be a replay is closed, without a byte") {
    proxy_under_test proxy{
        {.config = "replay_check_session_storage = \"off\"", .telegram = &telegram}};
    auto client = proxy.client(secure_protocol());
    REQUIRE(client.send(server_error, false, soon()));
    check_closed(client);
    CHECK(proxy.wait_for_metric(filtered, 1));
    auto later = proxy.client(secure_protocol());
    check_echo(later);
    expect_error(later);
  }
  SUBCASE("first: only the first answer is dropped") {
    proxy_under_test proxy{
        {.config = "replay_check_server_error_filter = \"first\"", .telegram = &telegram}};
    auto client = proxy.client(secure_protocol());
    REQUIRE(client.send(server_error, false, soon()));
    CHECK(proxy.wait_for_metric(filtered, 1));
    expect_error(client);
    CHECK(proxy.metric(filtered) == 1);
  }
  SUBCASE("on: every one is") {
    proxy_under_test proxy{
        {.config = "replay_check_server_error_filter = \"on\"", .telegram = &telegram}};
    auto client = proxy.client(secure_protocol());
    check_echo(client);
    for (int i = 1; i <= 3; ++i) {
      REQUIRE(client.send(server_error, false, soon()));
      CHECK(proxy.wait_for_metric(filtered, i));
    }
    check_echo(client);
  }
  SUBCASE("off: none is") {
    proxy_under_test proxy{
        {.config = "replay_check_server_error_filter = \"off\"", .telegram = &telegram}};
    auto client = proxy.client(secure_protocol());
    expect_error(client);
  }
}

/// A hello whose lengths do not add up: no extensions, it says, and 433 bytes follow.
bytes malformed_hello() {
  bytes hello{22, 3, 1, 0x02, 0x00, 1, 0x00, 0x01, 0xfc, 3, 3};
  append(hello, net::random_array<32>());
  hello.push_back(32);
  append(hello, net::random_array<32>());
  append(hello, std::array<std::uint8_t, 8>{0, 2, 0x13, 0x01, 1, 0, 0, 0});
  hello.resize(5 + 512);
  return hello;
}

/// As iOS 12.2 to 12.6: no server name, and here no extension at all.
bytes nameless_hello() {
  auto hello = to_bytes(byte_view{malformed_hello()}.first(5 + 4 + 2 + 32 + 33 + 8));
  store_be16(byte_span{hello}.subspan(3), hello.size() - 5);
  store_be16(byte_span{hello}.subspan(7), hello.size() - 9);
  return hello;
}

/// The hello is answered with a fatal decode_error of TLS 1.2, and the connection is closed.
void check_alert(proxy_under_test& proxy, const bytes& hello) {
  auto socket = proxy.connect();
  REQUIRE(socket.send(hello, soon()));
  bytes answer(64);
  const auto got = socket.receive(answer, soon());
  REQUIRE(got);
  answer.resize(*got);
  CHECK(answer == bytes{21, 3, 3, 0, 2, 2, 50});
  check_closed(socket);
}

TEST_CASE("a hello with the right digest is served, whatever else it says; with a wrong one not") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  const auto now = static_cast<std::uint32_t>(std::time(nullptr));
  auto hello = malformed_hello();
  sign_client_hello(hello, proxy.secret(), now);
  check_hello_accepted(proxy, {hello}, byte_view{hello}.subspan(client_random_at, 32));

  auto nameless = nameless_hello();
  auto foreign = proxy.connect();
  REQUIRE(foreign.send(nameless, soon()));
  check_closed(foreign);
  CHECK(proxy.metric(protocol_error("tls_invalid_digest")) == 1);
  sign_client_hello(nameless, proxy.secret(), now);
  check_hello_accepted(proxy, in_pieces(nameless, 40),
                       byte_view{nameless}.subspan(client_random_at, 32));
}

TEST_CASE("malformed_tls_hello_decode_error_case") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  check_alert(proxy, malformed_hello());
  CHECK(proxy.metric(protocol_error("tls_bad_client_hello")) == 1);
}

TEST_CASE("per_sni_secrets_on_case, per_sni_secrets_wrong_secret_case") {
  const fake_telegram telegram;
  proxy_under_test proxy{
      {.config = "per_sni_secrets = \"on\"\nper_sni_secret_salt = \"salt and pepper\"",
       .telegram = &telegram}};
  auto client = proxy.client_with_secret(
      tls_protocol(), 2, derive_sni_secret(proxy.secret(), "example.com", "salt and pepper"));
  check_echo(client);

  net::proxy_client refused{proxy.connect(),
                            {.secret = proxy.secret(), .tls_domain = std::string{"example.com"}}};
  const auto shaken = refused.handshake(soon());
  REQUIRE_FALSE(shaken);
  CHECK(proxy.metric(protocol_error("tls_invalid_digest")) == 1);
}

TEST_CASE("per_sni_secrets: a hello without a server name gets an alert, whoever made it") {
  const fake_telegram telegram;
  proxy_under_test proxy{
      {.config = "per_sni_secrets = \"on\"\nper_sni_secret_salt = \"salt and pepper\"",
       .telegram = &telegram}};
  auto hello = nameless_hello();
  check_alert(proxy, hello);
  sign_client_hello(hello, proxy.secret(), static_cast<std::uint32_t>(std::time(nullptr)));
  check_alert(proxy, hello);
  CHECK(proxy.metric(protocol_error("tls_no_sni")) == 2);
}

}  // namespace
}  // namespace mtp::test
