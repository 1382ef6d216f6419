// Places and descriptors that are used up: by connections that say nothing, and by clients.
#include <sys/socket.h>

#include "codecs/base/text.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/unix_listener.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

/// A connection to the proxy from an address of 127/8.
net::blocking_socket connect_from(const char* ip, std::uint16_t port) {
  net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const auto from = net::to_socket_address({.ip = *ip_address::parse(ip), .port = 0});
  const auto to = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = port});
  REQUIRE(::bind(fd.get(), from.get(), from.size) == 0);
  static_cast<void>(::connect(fd.get(), to.get(), to.size));
  return net::blocking_socket{std::move(fd)};
}

/// Whether a console's socket is served.
bool answers(const std::string& path) {
  auto fd = net::connect_unix(path);
  if (!fd) return false;
  net::blocking_socket socket{std::move(*fd)};
  if (!socket.send(as_bytes("stats\n"), soon())) return false;
  bytes buffer(4096);
  const auto got = socket.receive(buffer, soon());
  return got && *got > 0;
}

const char* const why_not_split =
    "a front has no connections to Telegram that would use up descriptors before max_connections "
    "is reached";

TEST_CASE("out of descriptors: who says nothing goes, clients are served") {
  if (left_out_when_split(why_not_split)) return;
  // 24 connections to 12 DCs, and max_connections at half of the descriptors: the former are out
  // before the latter is reached.
  const fake_telegram telegram;
  proxy_under_test proxy{
      {.max_open_files = open_files{.soft = 64, .hard = 64}, .telegram = &telegram}};
  // Else these would take what silent ones have just given back, again and again.
  REQUIRE(
      eventually([&] { return sum_of(proxy.metrics(), "dc_num_downstreams{") == 24; }, patience));
  std::vector<net::blocking_socket> silent;
  auto first = proxy.client(secure_protocol());
  check_echo(first);
  for (int i = 0; i < 40; ++i)
    silent.push_back(proxy.connect());
  CHECK(proxy.wait_for_metric_of_at_least(protocol_error("crowded_out"), 1));
  check_echo(first);
  auto later = proxy.client(tls_protocol());
  check_echo(later);
  CHECK(proxy.program().running());
}

TEST_CASE("however many descriptors silent ones take, metrics and the console have some") {
  if (left_out_when_split(why_not_split)) return;
  const fake_telegram telegram;
  proxy_under_test proxy{
      {.max_open_files = open_files{.soft = 64, .hard = 64}, .telegram = &telegram}};
  REQUIRE(
      eventually([&] { return sum_of(proxy.metrics(), "dc_num_downstreams{") == 24; }, patience));
  const auto console = (proxy.client_side().state() / "console.sock").string();
  REQUIRE(eventually([&] { return answers(console); }, patience));
  std::vector<net::blocking_socket> silent;
  // One more each time: among them is every number of descriptors that are left.
  for (int i = 0; i < 60; ++i) {
    silent.push_back(proxy.connect());
    INFO(i, " silent");
    REQUIRE(answers(console));
    REQUIRE(proxy.metric("memory_bytes{kind=\"budget\"}") > 0);
  }
  CHECK(proxy.output().find("Too many open files") == std::string::npos);
}

TEST_CASE("out of descriptors, and all of them are clients: accepting pauses, nobody is lost") {
  if (left_out_when_split(why_not_split)) return;
  const fake_telegram telegram;
  proxy_under_test proxy{
      {.max_open_files = open_files{.soft = 64, .hard = 64}, .telegram = &telegram}};
  const auto full = [&] { return proxy.output().find("Too many open files") != std::string::npos; };
  std::vector<net::proxy_client> inside;
  while (inside.size() < 40) {
    auto client = proxy.client(secure_protocol());
    const auto packet = random_packet(64);
    REQUIRE(client.send(packet, false, soon()));
    if (client.receive(net::proxy_client::clock::now() + (full() ? 200ms : 2s))) {
      inside.push_back(std::move(client));
      continue;
    }
    // It waits in the kernel, and is served once there is room.
    REQUIRE(full());
    check_echo(inside.front());
    inside.clear();
    const auto got = client.receive(soon());
    CAPTURE(got ? std::string{} : got.error());
    CAPTURE(proxy.output());
    REQUIRE(got);
    CHECK(got->packet == packet);
    auto later = proxy.client(tls_protocol());
    check_echo(later);
    return;
  }
  FAIL("never out of descriptors");
}

TEST_CASE("at max_connections, clients wait in the backlog until there is room") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "max_connections = 3", .telegram = &telegram}};
  REQUIRE(proxy.wait_for_metric("connections_count{listener=\"test\"}", 0));
  std::vector<net::proxy_client> inside;
  for (int i = 0; i < 3; ++i) {
    inside.push_back(proxy.client(secure_protocol()));
    check_echo(inside.back());
  }
  auto outside = proxy.client(secure_protocol());
  const auto packet = random_packet(64);
  REQUIRE(outside.send(packet, false, soon()));
  CHECK(eventually([&] { return proxy.metric("accept_paused_total{listener=\"test\"}") > 0; },
                   patience));
  CHECK(proxy.metric("connections_count{listener=\"test\"}") == 3);
  inside.pop_back();
  const auto got = outside.receive(soon());
  REQUIRE(got);
  CHECK(got->packet == packet);
}

TEST_CASE("600 silent connections at 1024 descriptors do not keep a client waiting") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{
      {.max_open_files = open_files{.soft = 1024, .hard = 1024}, .telegram = &telegram}};
  auto inside = proxy.client(secure_protocol());
  check_echo(inside);
  std::vector<net::blocking_socket> silent;
  for (int i = 0; i < 600; ++i)
    silent.push_back(proxy.connect());
  // An official client starts with this many at once.
  std::vector<net::proxy_client> clients;
  const auto started = std::chrono::steady_clock::now();
  for (int i = 0; i < 8; ++i)
    clients.push_back(proxy.client(i % 2 == 0 ? secure_protocol() : tls_protocol()));
  for (auto& client : clients)
    check_echo(client);
  // init_timeout_sec is a minute.
  CHECK(std::chrono::steady_clock::now() - started < patience);
  CHECK(proxy.wait_for_metric_of_at_least(protocol_error("crowded_out"), 1));
  check_echo(inside);
  CHECK(proxy.metric("accept_paused_total{listener=\"test\"}") == 0);
}

TEST_CASE("a crowd from one address costs nobody else's connections, however slow they are") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "max_connections = 64", .telegram = &telegram}};
  // What an official client opens at once, on a bad day of its network.
  std::vector<net::blocking_socket> slow;
  for (int i = 0; i < 8; ++i)
    slow.push_back(connect_from("127.0.0.9", proxy.port()));
  REQUIRE(proxy.wait_for_metric("connections_count{listener=\"test\"}", 8));
  std::vector<net::blocking_socket> crowd;
  for (int i = 0; i < 300; ++i)
    crowd.push_back(connect_from("127.0.0.1", proxy.port()));
  // Three quarters of the places are for newcomers.
  CHECK(proxy.wait_for_metric_of_at_least(protocol_error("crowded_out"), 300 + 8 - 48));
  CHECK(proxy.metric("connections_count{listener=\"test\"}") <= 48);
  bytes buffer(64);
  for (auto& socket : slow) {
    const auto got = socket.receive(buffer, net::proxy_client::clock::now() + 10ms);
    REQUIRE_FALSE(got);
    CHECK(got.error() != "Connection reset by peer");
  }
}

}  // namespace
}  // namespace mtp::test
