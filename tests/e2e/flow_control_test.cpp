// How much may wait, and for whom: the original's backpressure cases by their names, clients that
// read slowly or not at all beside others, and the memory budget.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <thread>

#include "net/socket_address.hpp"
#include "net/socket_options.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

const client_protocol& secure_client() {
  return all_protocols()[2];
}

std::string backpressure(const std::string& state) {
  return R"(down_backpressure_total{dc_id="2",state=")" + state + "\"}";
}
std::string closed_for(const std::string& action) {
  return "healthcheck_total{action=\"" + action + "\"}";
}
const std::string pauses = "down_backpressure_passive_duration_seconds_count{dc_id=\"2\"}";

void ask_bulk(net::proxy_client& client, std::uint32_t size, std::uint32_t count) {
  REQUIRE(client.send(
      encode({.what = fake_command::code::bulk, .size = size, .count = count, .number = 0}), false,
      soon()));
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
  auto client = proxy.client(secure_client());
  ask_bulk(client, size, count);
  REQUIRE(proxy.wait_for_metric(backpressure("bytes_total"), 1));
  const auto now = proxy.metrics();
  const auto value = [&](const std::string& name) {
    const auto at = now.find("mtproto_proxy_" + name);
    return at == now.end() ? 0 : at->second;
  };
  // It reads nothing, so nothing gets better; and nobody is closed for it.
  CHECK(value(closed_for("total_memory")) == 0);
  CHECK(value(backpressure("off")) == 0);
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
    auto client = proxy.client(secure_client());
    ask_bulk(client, size, 10 * limit);
    REQUIRE(proxy.wait_for_metric(backpressure("count_total"), 1));
  }
  CHECK(proxy.wait_for_metric("in_connection_closed_total{listener=\"test\"}", 1));
  CHECK(eventually([&] { return proxy.metric(backpressure("off")) > 0; }, patience));
  CHECK(proxy.metric(pauses) > 0);
}

// -- slow readers ---------------------------------------------------------------------------------

/// A client that has asked for much and reads a little at a time. What it reads is not looked at.
class slow_reader {
 public:
  slow_reader(const proxy_under_test& proxy, std::uint32_t size, std::uint32_t count)
      : client_{proxy.client(secure_client())} {
    ask_bulk(client_, size, count);
  }
  /// Reads at most `size` bytes; false if the proxy has closed it.
  bool read(std::size_t size) {
    bytes into(size);
    const auto got = ::recv(client_.socket().fd(), into.data(), into.size(), MSG_DONTWAIT);
    return got > 0 || (got < 0 && errno == EAGAIN);
  }

 private:
  net::proxy_client client_;
};

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
  return proxy.metric("memory_bytes{kind=\"" + kind + "\"}");
}

TEST_CASE("clients that read slowly are bounded, and those beside them are served as before") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  std::vector<net::proxy_client> quick;
  for (int i = 0; i < 10; ++i)
    quick.push_back(proxy.client(secure_client()));
  const auto alone = echo_time(quick, 20, [] {});

  constexpr std::uint32_t part = 64 * 1024;
  constexpr std::uint32_t parts = 256;
  std::vector<slow_reader> slow;
  for (int i = 0; i < 20; ++i)
    slow.emplace_back(proxy, part, parts);
  std::size_t turn = 0;
  double most = 0;
  // Each of them gets its 16 KiB about once a second.
  const auto beside = echo_time(quick, 100, [&] {
    if (++turn % 10 == 0) slow[turn / 10 % slow.size()].read(16 * 1024);
    if (turn % 100 == 0) most = std::max(most, memory(proxy, "held"));
  });
  MESSAGE("held at most ", most / 1e6, " MB; resident ", memory(proxy, "resident") / 1e6, " MB");
  // Whoever waits for a paused connection waits much longer.
  CHECK(beside < 20 * alone + 20ms);
  // 20 windows would be 160 MiB.
  CHECK(most < 160.0 * 1024 * 1024);
  CHECK(proxy.metric("in_connection_closed_total{listener=\"test\"}") <= 20);
  for (auto& client : quick)
    check_echo(client);
}

}  // namespace
}  // namespace mtp::test
