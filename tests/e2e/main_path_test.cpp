// The main job: clients of every protocol reach every DC, and what they send comes back.
#include "codecs/base/text.hpp"
#include "codecs/telegram/req_pq.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

TEST_CASE("every protocol reaches every DC, media DCs and 203 included") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  for (const auto& protocol : all_protocols()) {
    for (const auto dc : fake_telegram_options{}.dcs) {
      CAPTURE(protocol.name);
      CAPTURE(dc);
      auto client = proxy.client(protocol, dc);
      const auto nonce = net::random_array<16>();
      REQUIRE(client.send(make_req_pq(nonce, 4), false, soon()));
      const auto answer = client.receive(soon());
      REQUIRE(answer);
      const auto echoed = parse_res_pq(answer->packet);
      REQUIRE(echoed);
      CHECK(*echoed == nonce);
      CHECK(telegram.requests().back().dc == dc);
    }
    CHECK(proxy.metric("protocol_ok_total{listener=\"test\",protocol=\"" + protocol.name + "\"}") ==
          12);
  }
  CHECK(telegram.complaints().empty());
}

TEST_CASE("a client of an unknown DC is served by the default one") {
  const fake_telegram telegram{{.dcs = {2, 4}, .default_dc = 4}};
  proxy_under_test proxy{{.telegram = &telegram}};
  for (const dc_id dc : {dc_id{7}, dc_id{-7}, dc_id{10002}, dc_id{0}, dc_id{-32768}}) {
    CAPTURE(dc);
    auto client = proxy.client(all_protocols()[2], dc);
    check_echo(client);
    CHECK(telegram.requests().back().dc == 4);
  }
  // Media of a DC that has no middle proxies of their own.
  auto media = proxy.client(all_protocols()[2], -2);
  check_echo(media);
  CHECK(telegram.requests().back().dc == 2);
}

TEST_CASE("without a default DC a client of an unknown one is closed, and counted") {
  const fake_telegram telegram{{.dcs = {2}, .default_dc = std::nullopt}};
  proxy_under_test proxy{{.config = "dc_wait_timeout_sec = 1", .telegram = &telegram}};
  auto client = proxy.client(all_protocols()[2], 7);
  REQUIRE(client.send(random_packet(64), false, soon()));
  check_closed(client);
  CHECK(proxy.wait_for_metric("no_dc_total{listener=\"test\",dc_id=\"7\",reason=\"no_link\"}", 1));
}

TEST_CASE("quick acks pass from end to end, and only for the packets that asked") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.telegram = &telegram}};
  for (const auto& protocol : all_protocols()) {
    CAPTURE(protocol.name);
    auto client = proxy.client(protocol);
    for (const bool asks : {true, false, true, true}) {
      const auto packet = random_packet(256);
      REQUIRE(client.send(packet, asks, soon()));
      auto got = client.receive(soon());
      REQUIRE(got);
      if (asks) {
        REQUIRE(got->quick_ack);
        CHECK(*got->quick_ack == quick_ack_token(packet));
        got = client.receive(soon());
        REQUIRE(got);
      }
      CHECK_FALSE(got->quick_ack);
      CHECK(got->packet == packet);
      const bool told = (telegram.requests().back().flags & rpc::flag_quick_ack) != 0;
      CHECK(told == asks);
    }
  }
}

TEST_CASE("Telegram is told who the client is, by what protocol, and the ad tag if there is one") {
  const fake_telegram telegram;
  constexpr auto tag_hex = "dcbe8f1493fa4cd9ab300891c0b5b326";
  const auto check = [&](const std::string& port_config, bool tagged) {
    proxy_under_test proxy{{.port_config = port_config, .telegram = &telegram}};
    const std::map<std::string, std::uint32_t> expected{
        {"mtp_abridged", rpc::flag_abridged},
        {"mtp_intermediate", rpc::flag_intermediate},
        {"mtp_secure", rpc::flag_intermediate | rpc::flag_padded},
        {"mtp_secure_fake_tls", rpc::flag_intermediate | rpc::flag_padded}};
    for (const auto& protocol : all_protocols()) {
      CAPTURE(protocol.name);
      auto client = proxy.client(protocol);
      const auto here = net::local_endpoint(client.socket().fd());
      check_echo(client);
      const auto seen = telegram.requests().back();
      CHECK(seen.client == here);
      CHECK(seen.proxy.ip == *ip_address::parse("127.0.0.1"));
      CHECK(seen.flags == (expected.at(protocol.name) | rpc::flag_tcp_client |
                           rpc::flag_obfuscated | (tagged ? rpc::flag_ad_tag : 0)));
      CHECK(seen.tag.has_value() == tagged);
      if (tagged) CHECK(to_hex(*seen.tag) == tag_hex);
      // An unencrypted message is marked as one.
      REQUIRE(client.send(make_req_pq({}, 4), false, soon()));
      REQUIRE(client.receive(soon()));
      CHECK((telegram.requests().back().flags & rpc::flag_not_encrypted) != 0);
    }
  };
  check("", false);
  check("tag = \"" + std::string{tag_hex} + "\"", true);
}

TEST_CASE("messages of 1 MB pass both ways with every byte right") {
  const fake_telegram telegram;
  // Between link agents what is on its way counts against the client's window, and 9 MiB at once
  // are more than the default one.
  const std::string config =
      has_link_agents() ? "upstream_healthchecks = { total_mem = 16777216 }" : "";
  proxy_under_test proxy{{.config = config, .telegram = &telegram}};
  for (const auto& protocol : all_protocols()) {
    CAPTURE(protocol.name);
    auto client = proxy.client(protocol);
    check_echo(client, 1'000'000);
    check_echo(client, max_client_packet - 4);
    // Larger ones only come from Telegram.
    const std::uint32_t size = 3 * 1024 * 1024;
    REQUIRE(client.send(encode({.action = fake_command::code::bulk, .size = size, .count = 3}),
                        false, soon()));
    for (std::uint32_t i = 0; i < 3; ++i) {
      const auto got = client.receive(soon());
      INFO((got ? std::string{} : got.error()));
      REQUIRE(got);
      const bool same = got->packet == bulk_packet(i, size);
      CHECK(same);
    }
  }
}

TEST_CASE("the connection to Telegram uses CRC32C if Telegram agrees, else CRC32") {
  for (const bool agrees : {true, false}) {
    CAPTURE(agrees);
    const fake_telegram telegram{{.dcs = {2}, .crc32c = agrees}};
    proxy_under_test proxy{{.telegram = &telegram}};
    auto client = proxy.client(all_protocols()[0]);
    check_echo(client);
    CHECK((telegram.crc32c_conns() > 0) == agrees);
    CHECK(telegram.complaints().empty());
  }
}

TEST_CASE("middle proxies are reached over IPv6") {
  const fake_telegram telegram{{.dcs = {1, 2}, .ipv6 = true}};
  proxy_under_test proxy{{.telegram = &telegram, .only_v6_list = true}};
  for (const auto& protocol : all_protocols()) {
    CAPTURE(protocol.name);
    auto client = proxy.client(protocol, 1);
    check_echo(client);
    CHECK(telegram.requests().back().proxy.ip == *ip_address::parse("::1"));
  }
}

TEST_CASE("Telegram's PING is answered, on every connection") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  REQUIRE(eventually([&] { return telegram.conns(2) == 2; }, patience));
  telegram.ping_conns(2, 0x1122334455667788);
  CHECK(eventually([&] { return telegram.pongs_received().size() == 2; }, patience));
  for (const auto id : telegram.pongs_received())
    CHECK(id == 0x1122334455667788);
}

TEST_CASE("a quiet connection to Telegram is pinged, and stays") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "dc_ping_interval_sec = 1", .telegram = &telegram}};
  CHECK(eventually([&] { return telegram.pings_received() >= 4; }, patience));
  CHECK(telegram.conns_accepted(2) == 2);
}

TEST_CASE("a client that leaves is announced to Telegram, and one that Telegram closes is closed") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  {
    auto leaves = proxy.client(all_protocols()[2]);
    check_echo(leaves);
    CHECK(telegram.clients(2) == 1);
  }
  CHECK(eventually([&] { return telegram.clients(2) == 0; }, patience));
  CHECK(telegram.closed_clients(2) == 1);

  auto closed = proxy.client(all_protocols()[3]);
  check_echo(closed);
  REQUIRE(closed.send(encode({.action = fake_command::code::close_client}), false, soon()));
  check_closed(closed);
  CHECK(proxy.wait_for_metric("in_connection_closed_total{listener=\"test\"}",
                              proxy.metric("in_connection_total{listener=\"test\"}")));
  // Telegram closed it itself: it is told nothing.
  CHECK(telegram.closed_clients(2) == 1);
}

TEST_CASE("bind_address: Telegram sees it, and keys and requests are made with it") {
  const fake_telegram telegram;
  proxy_under_test proxy{{.config = "bind_address = \"127.0.0.2\"", .telegram = &telegram}};
  auto client = proxy.client(all_protocols()[2], 2);
  // The keys of the middle proxy are made with the address that it sees.
  check_echo(client);
  CHECK(telegram.requests().back().proxy.ip == *ip_address::parse("127.0.0.2"));
  CHECK(telegram.complaints().empty());
}

}  // namespace
}  // namespace mtp::test
