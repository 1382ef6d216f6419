// How much may wait, and for whom: the original's backpressure cases by their names, clients that
// read slowly or not at all beside others, and the memory budget.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "tests/e2e/harness.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

std::string backpressure(const std::string& state) {
  return R"(down_backpressure_total{dc_id="2",state=")" + state + "\"}";
}
std::string closed_for(const std::string& action) {
  return "healthcheck_total{action=\"" + action + "\"}";
}
const std::string pauses = "down_backpressure_passive_duration_seconds_count{dc_id=\"2\"}";

/// The stand-in for Telegram makes all that is asked of it in one thread: it may be late.
const std::string patient = "dc_stall_timeout_sec = 60\n";

void ask_bulk(net::proxy_client& client, std::uint32_t size, std::uint32_t count) {
  REQUIRE(client.send(
      encode({.action = fake_command::code::bulk, .size = size, .count = count, .number = 0}),
      false, soon()));
}

// -- the original's -------------------------------------------------------------------------------

TEST_CASE("downstream_size_backpressure_case") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{
      {.config = "upstream_healthchecks = {}\n"
                 "downstream_backpressure = { bytes_total = 6291456, packets_total = 1000 }",
       .telegram = &telegram}};
  constexpr std::uint32_t size = 400 * 1024;
  constexpr std::uint32_t count = 4 * 6 * 1024 * 1024 / size;
  auto client = proxy.client(secure_protocol());
  ask_bulk(client, size, count);
  series_values now;
  const auto value = [&](const std::string& name) {
    const auto at = now.find("mtproto_proxy_" + name);
    return at == now.end() ? 0 : at->second;
  };
  // Sockets and the link take some without the client: pauses end until they are full.
  const auto received = "received_downstream_bytes{dc_id=\"2\"}";
  REQUIRE(eventually(
      [&] {
        const auto before = value(received);
        now = proxy.metrics();
        return value(backpressure("bytes_total")) == value(backpressure("off")) + 1 &&
               value(received) == before;
      },
      patience));
  // It reads nothing, so nothing gets better; and no client is closed for it.
  CHECK(value(closed_for("total_memory")) == 0);
  CHECK(value("received_downstream_bytes{dc_id=\"2\"}") >
        value("sent_upstream_bytes{listener=\"test\"}"));
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto got = client.receive(soon());
    REQUIRE(got);
    REQUIRE(got->packet == bulk_packet(i, size));
  }
  CHECK(eventually([&] { return proxy.metric(backpressure("off")) > 0; }, patience));
  CHECK(proxy.metric(pauses) == proxy.metric(backpressure("off")));
}

TEST_CASE("downstream_qlen_backpressure_case") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{
      {.config = "downstream_socket_buffer_size = 1024\nupstream_healthchecks = {}\n"
                 "downstream_backpressure = { bytes_total = 52428800, packets_total = 300 }",
       .telegram = &telegram}};
  constexpr std::uint32_t limit = 300;
  constexpr std::uint32_t size = (6 * 1024 * 1024 / limit - 4048) / 4 * 4;
  {
    auto client = proxy.client(secure_protocol());
    ask_bulk(client, size, 10 * limit);
    // It may have gone on, and paused again, by the time anybody looks.
    REQUIRE(proxy.wait_for_metric_of_at_least(backpressure("count_total"), 1));
  }
  CHECK(proxy.wait_for_metric("in_connection_closed_total{listener=\"test\"}", 1));
  CHECK(eventually([&] { return proxy.metric(backpressure("off")) > 0; }, patience));
  CHECK(proxy.metric(pauses) > 0);
}

// -- options --------------------------------------------------------------------------------------

TEST_CASE("upstream_socket_buffer_size and downstream_socket_buffer_size bound each read") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{
      {.config = "upstream_socket_buffer_size = 512\ndownstream_socket_buffer_size = 2048",
       .telegram = &telegram}};
  auto client = proxy.client(secure_protocol());
  check_echo(client, 100'000);
  const auto all = proxy.metrics();
  const auto reads = [&](const std::string& direction, const std::string& rest) {
    const auto at = all.find("mtproto_proxy_tracker_packet_size_bytes" + rest);
    CAPTURE(direction);
    REQUIRE(at != all.end());
    return at->second;
  };
  for (const auto& [direction, most] :
       {std::pair{"upstream", 512}, std::pair{"downstream", 2048}}) {
    const auto label = std::string{"direction=\""} + direction + "\"";
    const auto count = reads(direction, "_count{" + label + "}");
    CHECK(count >= 100'000.0 / most);
    CHECK(reads(direction, "_bucket{" + label + ",le=\"" + std::to_string(most) + "\"}") == count);
  }
}

TEST_CASE("upstream_healthchecks.qlen closes a client for which too many packets wait") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{
      {.config = "upstream_healthchecks = { qlen = 20 }", .telegram = &telegram}};
  auto slow = proxy.client(secure_protocol());
  ask_bulk(slow, 64 * 1024, 300);
  CHECK(proxy.wait_for_metric(closed_for("message_queue_len"), 1));
  CHECK(proxy.wait_for_metric("in_connection_closed_total{listener=\"test\"}", 1));
}

TEST_CASE("upstream_send_timeout_ms closes a client that takes nothing for so long") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = "upstream_healthchecks = {}\nupstream_send_timeout_ms = 1500\n"
                                    "downstream_backpressure = { bytes_total = 100000000 }",
                          .telegram = &telegram}};
  auto stuck = proxy.client(secure_protocol());
  ask_bulk(stuck, 512 * 1024, 60);
  CHECK(
      eventually([&] { return proxy.metric("in_connection_closed_total{listener=\"test\"}") == 1; },
                 patience));
  CHECK(proxy.metric("upstream_send_error_total{listener=\"test\",reason=\"timeout\"}") == 1);
}

// -- slow readers ---------------------------------------------------------------------------------

/// Reads at most `size` bytes, if there are any. What they are is not looked at.
void read_little(net::proxy_client& client, std::size_t size) {
  bytes into(size);
  static_cast<void>(::recv(client.socket().fd(), into.data(), into.size(), MSG_DONTWAIT));
}

/// The median time of an echo, of `rounds` by all of `clients`, one after the other, 5 ms apart.
/// Meanwhile slow clients get their time.
template <class Meanwhile>
std::chrono::microseconds echo_time(std::vector<net::proxy_client>& clients, int rounds,
                                    Meanwhile&& meanwhile) {
  std::vector<std::chrono::microseconds> times;
  auto next = std::chrono::steady_clock::now();
  for (int round = 0; round < rounds; ++round)
    for (auto& client : clients) {
      const auto begun = std::chrono::steady_clock::now();
      check_echo(client, 64);
      times.push_back(std::chrono::duration_cast<std::chrono::microseconds>(
          std::chrono::steady_clock::now() - begun));
      meanwhile();
      std::this_thread::sleep_until(next += 5ms);
    }
  const auto middle = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2);
  std::ranges::nth_element(times, middle);
  MESSAGE("p50 ", middle->count(), " us, max ", std::ranges::max(times).count(), " us");
  return *middle;
}

double memory(const proxy_under_test& proxy, const std::string& kind) {
  // Each process has a budget of its own.
  return proxy.largest_metric("memory_bytes{kind=\"" + kind + "\"}");
}

TEST_CASE("clients that read slowly are bounded, and those beside them are served as before") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.config = patient, .telegram = &telegram}};
  std::vector<net::proxy_client> quick;
  for (int i = 0; i < 10; ++i)
    quick.push_back(proxy.client(secure_protocol()));
  const auto alone = echo_time(quick, 20, [] {});

  // 16 MiB each, in parts that come in turns.
  std::vector<net::proxy_client> slow;
  for (int i = 0; i < 20; ++i)
    slow.push_back(proxy.client(secure_protocol()));
  for (int part = 0; part < 32; ++part)
    for (auto& client : slow)
      static_cast<void>(client.send(
          encode({.action = fake_command::code::bulk, .size = 512 * 1024, .count = 1, .number = 0}),
          false, soon()));
  std::size_t turn = 0;
  double most = 0;
  // Each of them gets its 16 KiB about once a second.
  const auto beside = echo_time(quick, 100, [&] {
    if (++turn % 10 == 0) read_little(slow[turn / 10 % slow.size()], 16 * 1024);
    if (turn % 10 == 0) most = std::max(most, memory(proxy, "held"));
  });
  MESSAGE("closed: ", proxy.metric("in_connection_closed_total{listener=\"test\"}"),
          ", by window: ", proxy.metric(closed_for("total_memory")),
          ", slow: ", proxy.metric(closed_for("slow_clients")),
          ", counted apart: ", proxy.metric("down_backpressure_behind_total{dc_id=\"2\"}"),
          ", pauses: ", proxy.metric(pauses));
  MESSAGE("held at most ", most / 1e6, " MB; resident ", memory(proxy, "resident") / 1e6, " MB");
  // A client that waits for a paused connection waits much longer.
  CHECK(beside < 20 * alone + 20ms);
  // 20 windows would be 160 MiB.
  CHECK(most < 160.0 * 1024 * 1024);
  CHECK(proxy.metric("in_connection_closed_total{listener=\"test\"}") <= 20);
  for (auto& client : quick)
    check_echo(client);
}

// -- the memory budget ----------------------------------------------------------------------------

#ifdef NDEBUG
// What a machine with 512 MiB gives by default. The crowd asks for four times as much, and its
// windows (8 MiB each) would let it have all of that.
constexpr std::size_t crowd = 2000;
constexpr std::size_t budget_mib = 256;
#else
// Sanitizers make all of this slow, and resident memory means nothing to them.
constexpr std::size_t crowd = 150;
constexpr std::size_t budget_mib = 64;
#endif
constexpr double mib = 1024.0 * 1024.0;

/// A client as it is over the Internet: the kernels at both ends keep little for it. On loopback as
/// it is, with segments of 64 KiB, the proxy's alone would take 2.5 MB for each.
net::proxy_client distant_client(const proxy_under_test& proxy) {
  net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int segment = 1400;
  const int window = 4096;
  setsockopt(fd.get(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
  const auto to =
      net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = proxy.port()});
  REQUIRE(::connect(fd.get(), to.get(), to.size) == 0);
  REQUIRE(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
  net::proxy_client client{net::blocking_socket{std::move(fd)}, {.secret = proxy.secret()}};
  REQUIRE(client.handshake(soon()));
  return client;
}

/// Many of them, with `act` done by each.
template <class Act>
std::vector<net::proxy_client> crowd_of_clients(const proxy_under_test& proxy, Act&& act) {
  net::raise_open_files_limit();
  std::vector<net::proxy_client> clients;
  for (std::size_t i = 0; i < crowd; ++i)
    clients.push_back(distant_client(proxy));
  // All of them are there before memory is short: listeners pause then.
  for (auto& client : clients)
    act(client);
  return clients;
}

/// Looks until nothing more comes in and `reached` holds; well-behaved clients, those that were
/// there before and those that come, are served all the while.
void check_budget(const proxy_under_test& proxy, std::vector<net::proxy_client>& early,
                  const std::function<bool()>& reached) {
  using clock = std::chrono::steady_clock;
  const auto deadline = clock::now() + 60s;
  const auto seconds_of = [](auto&& work) {
    const auto begun = clock::now();
    work();
    return std::chrono::duration<double>{clock::now() - begun}.count();
  };
  double held = 0;
  double transit = 0;
  double resident = 0;
  double received = -1;
  double slowest_echo = 0;
  double slowest_arrival = 0;
  for (int same = 0; same < 5 || (!reached() && clock::now() < deadline);) {
    for (auto& client : early)
      slowest_echo = std::max(slowest_echo, seconds_of([&] { check_echo(client); }));
    slowest_arrival = std::max(slowest_arrival, seconds_of([&] {
                                 auto late = proxy.client(secure_protocol(), 4);
                                 check_echo(late);
                               }));
    auto now = proxy.metrics();
    held = std::max(held, memory(proxy, "held"));
    transit = std::max(transit, memory(proxy, "transit"));
    resident = std::max(resident, memory(proxy, "resident"));
    const auto all = now["mtproto_proxy_received_downstream_bytes{dc_id=\"2\"}"] +
                     now["mtproto_proxy_received_upstream_bytes{listener=\"test\"}"];
    same = all < received + 65536 ? same + 1 : 0;
    received = all;
    std::this_thread::sleep_for(100ms);
  }
  MESSAGE("held at most ", held / mib, " MiB (", transit / mib, " in transit), resident ",
          resident / mib, " MiB of ", budget_mib,
          "; closed: ", proxy.metric("in_connection_closed_total{listener=\"test\"}"),
          ", for memory: ", proxy.metric(closed_for("memory_budget")), "; slowest echo ",
          slowest_echo, " s, arrival and echo ", slowest_arrival, " s");
  CHECK(held < 0.5 * static_cast<double>(budget_mib) * mib);
#ifdef NDEBUG
  if (const auto lack = missing_proc(); !lack.empty()) skip("resident memory: " + lack);
  CHECK(resident < static_cast<double>(budget_mib) * mib);
#endif
}

/// Well-behaved clients, there before the crowd.
std::vector<net::proxy_client> early_clients(const proxy_under_test& proxy,
                                             std::initializer_list<dc_id> dcs) {
  std::vector<net::proxy_client> clients;
  for (const auto dc : dcs) {
    clients.push_back(proxy.client(secure_protocol(), dc));
    check_echo(clients.back());
  }
  return clients;
}

TEST_CASE("a crowd that asks for much and never reads stays within memory_budget_mb") {
  // The stand-in that makes what the crowd asks for has no time for anybody else.
  const fake_telegram other{{.dcs = {4}}};
  const fake_telegram telegram{
      {.dcs = {2}, .others = {{4, other.middle_proxy(4)}}, .secret = other.secret()}};
  std::string config = patient + "memory_budget_mb = " + std::to_string(budget_mib);
  // By default slow readers of a connection are held to four times 9 MB together: with seven
  // connections that may be enough.
  bool exhausted = false;
  SUBCASE("whatever the DC connections allow") {
    config += "\ndownstream_backpressure = { bytes_total = 1000000000 }";
    exhausted = true;
  }
  SUBCASE("with the defaults of everything else") {}
  proxy_under_test proxy{{.config = config, .telegram = &telegram}};
  auto early = early_clients(proxy, {4});
  // Its answers come behind all that the crowd of its connection asked for.
  auto beside = early_clients(proxy, {2});
  const auto asked = random_packet(64);
  const auto nobody_reads =
      crowd_of_clients(proxy, [](net::proxy_client& client) { ask_bulk(client, 64 * 1024, 8); });
  REQUIRE(beside.front().send(asked, false, soon()));
  const auto any_closed = [&] {
    return proxy.metric(closed_for("memory_budget")) > 0 ||
           (!exhausted && proxy.metric(closed_for("slow_clients")) > 0);
  };
  check_budget(proxy, early, any_closed);
  CHECK(any_closed());
  if (exhausted) CHECK(proxy.output().find("memory_budget_mb is used up") != std::string::npos);
  const auto got = beside.front().receive(soon());
  REQUIRE(got);
  CHECK(got->packet == asked);
}

TEST_CASE("a crowd that sends to a DC that does not read stays within memory_budget_mb") {
  fake_telegram telegram{{.dcs = {2, 4}}};
  proxy_under_test proxy{{.config = patient + "memory_budget_mb = " + std::to_string(budget_mib),
                          .telegram = &telegram}};
  auto early = early_clients(proxy, {4});
  REQUIRE(eventually([&] { return telegram.conns(2) > 0; }, patience));
  telegram.set_dc_silent(2, true);
  const auto packet = random_packet(200 * 1024);
  const auto all_send = crowd_of_clients(proxy, [&](net::proxy_client& client) {
    // Most of them are stopped sooner or later.
    for (int i = 0; i < 2; ++i)
      if (!client.send(packet, false, net::proxy_client::clock::now() + 5ms)) break;
  });
  check_budget(proxy, early, [] { return true; });
}

}  // namespace
}  // namespace mtp::test
