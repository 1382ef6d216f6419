// The tests' client as a program: speaks to the stand-in for Telegram through a proxy and checks
// every byte that comes back. Status 0 if all was right, 1 if not, 2 for wrong arguments.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "codecs/client/secret.hpp"
#include "net/client/proxy_client.hpp"
#include "net/dial/blocking_dial.hpp"
#include "net/loop/entropy.hpp"
#include "tests/support/fake_command.hpp"

namespace {

using namespace mtp;
using namespace mtp::test;
using clock_type = net::proxy_client::clock;

struct arguments {
  std::string link;
  std::string protocol;
  int dc = 2;
  std::string mode = "echo";
  std::uint32_t size = 1024;
  std::uint32_t count = 10;
  unsigned timeout_ms = 10'000;

  [[nodiscard]] clock_type::time_point soon() const {
    return clock_type::now() + std::chrono::milliseconds{timeout_ms};
  }
};

using outcome = tl::expected<void, std::string>;

outcome wrong(std::uint32_t index, const std::string& why) {
  return tl::unexpected{"packet " + std::to_string(index) + ": " + why};
}

/// Whether `got` is `sent`; a padded packet may have whole words of tail.
bool same(byte_view got, byte_view sent) {
  return got.size() >= sent.size() && got.size() < sent.size() + 4 &&
         std::ranges::equal(got.first(sent.size()), sent);
}

outcome echo(const arguments& how, net::proxy_client& client, bool ask_quick_ack) {
  for (std::uint32_t i = 0; i < how.count; ++i) {
    bytes packet(how.size - how.size % 4);
    net::fill_random(packet);
    packet[0] |= 1;  // neither unencrypted nor a command
    if (auto sent = client.send(packet, ask_quick_ack, how.soon()); !sent) return sent;
    bool acked = !ask_quick_ack;
    bool answered = false;
    while (!acked || !answered) {
      const auto got = client.receive(how.soon());
      if (!got) return wrong(i, got.error());
      if (got->quick_ack) {
        if (*got->quick_ack != quick_ack_token(packet)) return wrong(i, "another quick ack");
        acked = true;
      } else {
        if (!same(got->packet, packet)) return wrong(i, "came back changed");
        answered = true;
      }
    }
  }
  return {};
}

outcome bulk(const arguments& how, net::proxy_client& client) {
  const auto order = encode(
      fake_command{.action = fake_command::code::bulk, .size = how.size, .count = how.count});
  if (auto sent = client.send(order, false, how.soon()); !sent) return sent;
  for (std::uint32_t i = 0; i < how.count; ++i) {
    const auto got = client.receive(how.soon());
    if (!got) return wrong(i, got.error());
    if (!same(got->packet, bulk_packet(i, how.size))) return wrong(i, "is not what was asked for");
  }
  return {};
}

outcome run(const arguments& how, const proxy_link& link) {
  net::proxy_client_options options{.secret = link.secret.key,
                                    .kind = framing::padded,
                                    .dc = static_cast<dc_id>(how.dc),
                                    .tls_domain = std::nullopt};
  if (how.protocol == "abridged") options.kind = framing::abridged;
  if (how.protocol == "normal") options.kind = framing::intermediate;
  if (how.protocol == "fake-tls")
    options.tls_domain = link.secret.domain.empty() ? "example.com" : link.secret.domain;
  auto socket = net::dial_blocking({.host = link.server, .port = link.port}, how.soon());
  if (!socket) return tl::unexpected{socket.error()};
  net::proxy_client client{std::move(*socket), options};
  if (auto shaken = client.handshake(how.soon()); !shaken) return shaken;
  return how.mode == "bulk" ? bulk(how, client) : echo(how, client, how.mode == "quick-ack");
}

}  // namespace

int main(int argc, char** argv) {
  arguments how;
  CLI::App app{"A client of a proxy, against the stand-in for Telegram"};
  app.add_option("link", how.link, "tg://proxy?...")->required();
  app.add_option("--proto", how.protocol, "abridged, normal, secure, fake-tls")
      ->default_val("secure")
      ->check(CLI::IsMember({"abridged", "normal", "secure", "fake-tls"}));
  app.add_option("--dc", how.dc)->check(CLI::Range(-32768, 32767));
  app.add_option("--mode", how.mode, "echo, quick-ack, or bulk: an answer of many packets")
      ->check(CLI::IsMember({"echo", "quick-ack", "bulk"}));
  app.add_option("--size", how.size, "Bytes of a packet")->check(CLI::Range(16U, 1'000'000U));
  app.add_option("--count", how.count, "Packets")->check(CLI::Range(1U, 1'000'000U));
  app.add_option("--timeout", how.timeout_ms, "Milliseconds for each step");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  const auto link = parse_link(how.link);
  if (!link) {
    std::fprintf(stderr, "not a proxy link\n");
    return 2;
  }
  const auto done = run(how, *link);
  if (!done) {
    std::fprintf(stderr, "failed: %s\n", done.error().c_str());
    return 1;
  }
  std::printf("%u packets of %u bytes: all right\n", how.count, how.size);
  return 0;
}
