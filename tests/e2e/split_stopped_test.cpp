// A node that hangs (SIGSTOP), and a front that is slow beside one that is not: memory has bounds,
// and others do not wait.
#include <csignal>

#include "tests/e2e/link_network.hpp"
#include "tests/e2e/load_client.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

using clock = std::chrono::steady_clock;

constexpr double mib = 1024.0 * 1024.0;
/// The stand-in for Telegram makes all that is asked of it in one thread: it may be late.
const std::string patient = "dc_stall_timeout_sec = 60\n";

void ask_bulk(net::proxy_client& client, std::uint32_t size, std::uint32_t count) {
  REQUIRE(client.send(
      encode({.action = fake_command::code::bulk, .size = size, .count = count, .number = 0}),
      false, soon()));
}

/// The median time of an echo.
std::chrono::microseconds echo_time(net::proxy_client& client, std::size_t rounds) {
  std::vector<std::chrono::microseconds> times;
  for (std::size_t i = 0; i < rounds; ++i) {
    const auto begun = clock::now();
    check_echo(client);
    times.push_back(std::chrono::duration_cast<std::chrono::microseconds>(clock::now() - begun));
  }
  std::ranges::sort(times);
  return times[times.size() / 2];
}

TEST_CASE(
    "split: a front that hangs: the back's memory has bounds, others are served; it goes on") {
  // The stand-in that makes what the crowd asks for has no time for anybody else.
  const fake_telegram other{{.dcs = {4}}};
  const fake_telegram telegram{
      {.dcs = {2}, .others = {{4, other.middle_proxy(4)}}, .secret = other.secret()}};
  split_nodes nodes{telegram};
  back_options how;
  how.allowed = {"hangs", "works"};
  how.config = patient + "memory_budget_mb = 256\n";
  auto& back = nodes.add_back("back", how);
  auto& hangs = nodes.add_front("hangs");
  auto& works = nodes.add_front("works");
  nodes.start_all();
  auto client = works.client(secure_protocol(), 4);
  check_echo(client);
  const auto before = resident_memory(back.program().pid());

  std::vector<net::proxy_client> greedy;
  for (int i = 0; i < 40; ++i) {
    greedy.push_back(hangs.client());
    check_echo(greedy.back());
  }
  // 300 MiB, of which each client's part is within its window; all together they are not.
  constexpr std::uint32_t count = 120;
  for (auto& greedy_client : greedy)
    ask_bulk(greedy_client, 64 * 1024, count);
  hangs.program().signal(SIGSTOP);
  // What its kernel has taken by now goes on when it does.
  const auto stopped = clock::now();
  double most = 0;
  double held = 0;
  while (clock::now() - stopped < 4s) {
    check_echo(client);
    most = std::max(most, resident_memory(back.program().pid()));
    held = std::max(held, back.metric("memory_bytes{kind=\"held\"}"));
  }
  hangs.program().signal(SIGCONT);
  // It was not away for long enough to lose its session. Those of its clients that are still there
  // have every byte.
  std::size_t whole = 0;
  std::size_t closed = 0;
  for (auto& greedy_client : greedy) {
    std::uint32_t got_whole = 0;
    for (; got_whole < count; ++got_whole) {
      const auto got = greedy_client.receive(clock::now() + 30s);
      if (!got) {
        const bool was_closed =
            got.error() == "closed" || got.error() == "Connection reset by peer";
        CHECK(was_closed);
        break;
      }
      const bool same = got->packet == bulk_packet(got_whole, 64 * 1024);
      REQUIRE(same);
    }
    ++(got_whole == count ? whole : closed);
    most = std::max(most, resident_memory(back.program().pid()));
  }
  MESSAGE("the back held at most ", held / mib, " MiB, and grew from ", before / mib, " to ",
          most / mib, " MiB; ", whole, " of ", greedy.size(), " clients got all, ", closed,
          " were closed");
#ifdef NDEBUG
  CHECK(most < 256 * mib);
#endif
  CHECK(held < 128 * mib);
  check_echo(client);
  CHECK(hangs.count_in_output("connection is lost") == 0);
  CHECK(hangs.count_in_output(": connected (build") == 1);
}

TEST_CASE("split: a front that hangs for longer than the timeout loses its session, no more") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  back_options how;
  how.link = "timeout_sec = 3";
  auto& back = nodes.add_back("back", how);
  auto& front = nodes.add_front();
  nodes.start_all();
  tally seen;
  auto clients = idle_clients({.port = front.port(), .secret = front.secret()}, 1, 20, seen);
  REQUIRE(seen.echoes == 20);
  front.program().signal(SIGSTOP);
  CHECK(back.wait_for_output("front front: its session ends: it is gone", 8s));
  CHECK(eventually([&] { return telegram.closed_clients(2) == 20; }, 5s));
  CHECK(back.wait_for_metric("dc_num_upstreams{dc=\"2\"}", 0));
  front.program().signal(SIGCONT);
  REQUIRE(front.wait_until_connected(2, 15s));
  for (auto& client : clients)
    client.echo();
  CHECK(seen.echoes == 40);
  CHECK(seen.idle_closed == 0);
  CHECK(telegram.complaints().empty());
}

TEST_CASE("split: a back that hangs for longer than the timeout: the front says so, and waits") {
  fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& back = nodes.add_back();
  front_options how;
  how.link = "timeout_sec = 60";
  auto& front = nodes.add_front("front", how);
  nodes.start_all();
  tally seen;
  auto clients = idle_clients({.port = front.port(), .secret = front.secret()}, 1, 20, seen);
  REQUIRE(seen.echoes == 20);
  // It counts for the connection that is there.
  front.set_line("timeout_sec", "3");
  REQUIRE(front.reload().status == 0);
  back.program().signal(SIGSTOP);
  CHECK(front.wait_for_output("the connection is lost: nothing came for 3 s", 8s));
  back.program().signal(SIGCONT);
  REQUIRE(front.wait_until_connected(2, 15s));
  for (auto& client : clients)
    client.echo();
  CHECK(seen.echoes == 40);
  CHECK(seen.idle_closed == 0);
  CHECK(seen.in_flight_closed == 0);
  CHECK(telegram.complaints().empty());
}

TEST_CASE("split: a back that hangs: the front's memory has bounds; all goes on with it") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  auto& back = nodes.add_back("back", {{.config = patient}});
  auto& front = nodes.add_front("front", {{.config = "memory_budget_mb = 128"}});
  nodes.start_all();
  std::vector<net::proxy_client> clients;
  for (int i = 0; i < 60; ++i) {
    clients.push_back(front.client());
    check_echo(clients.back());
  }
  const auto before = resident_memory(front.program().pid());
  back.program().signal(SIGSTOP);
  const auto stopped = clock::now();
  const auto packet = random_packet(200 * 1024);
  // Far more than a window; each is stopped sooner or later.
  std::vector<std::size_t> sent(clients.size());
  double most = 0;
  for (std::size_t i = 0; i < clients.size(); ++i) {
    while (sent[i] < 3 && clients[i].send(packet, false, clock::now() + 20ms))
      ++sent[i];
    most = std::max(most, resident_memory(front.program().pid()));
  }
  while (clock::now() - stopped < 4s) {
    most = std::max(most, resident_memory(front.program().pid()));
    pause_briefly();
  }
  back.program().signal(SIGCONT);
  MESSAGE("the front grew from ", before / mib, " to ", most / mib, " MiB");
#ifdef NDEBUG
  CHECK(most < 128 * mib);
#endif
  // What was sent whole comes back; behind half a packet nothing can.
  for (std::size_t i = 0; i < clients.size(); ++i)
    for (std::size_t k = 0; k < sent[i]; ++k) {
      const auto got = clients[i].receive(clock::now() + 30s);
      INFO((got ? std::string{} : got.error()));
      REQUIRE(got);
      const bool same = got->packet == packet;
      REQUIRE(same);
    }
  CHECK(front.count_in_output("connection is lost") == 0);
}

TEST_CASE("split: a front behind a slow network does not slow the one beside it down") {
  if (link_network::left_out()) return;
  const link_network net;
  std::unique_ptr<fake_telegram> telegram;
  {
    const network_visit there{&net.back()};
    telegram = std::make_unique<fake_telegram>(fake_telegram_options{.dcs = {2}});
  }
  split_nodes nodes{*telegram};
  back_options how;
  how.allowed = {"slow", "fast"};
  how.network = &net.back();
  how.ip = link_network::back_ip;
  how.config = patient;
  auto& back = nodes.add_back("back", how);
  front_options here;
  here.network = &net.back();
  auto& fast = nodes.add_front("fast", here);
  front_options there;
  there.network = &net.front();
  auto& slow = nodes.add_front("slow", there);
  net.slow_down(2000);
  nodes.start_all();

  auto client = fast.client();
  const auto alone = echo_time(client, 200);
  const auto before = resident_memory(back.program().pid());
  std::vector<net::proxy_client> greedy;
  for (int i = 0; i < 20; ++i) {
    greedy.push_back(slow.client());
    check_echo(greedy.back());
    // 160 MiB in all, which would take 11 minutes.
    ask_bulk(greedy.back(), 64 * 1024, 128);
  }
  // It stays slow for minutes. The machine may have been slow for a moment.
  auto beside = echo_time(client, 200);
  for (int again = 0; again < 5 && beside >= 5 * alone + 5ms; ++again)
    beside = echo_time(client, 200);
  const auto begun = clock::now();
  auto other = fast.client();
  // In parts, as clients do: what is on its way counts against the client's window.
  for (int part = 0; part < 8; ++part) {
    ask_bulk(other, 256 * 1024, 8);
    for (std::uint32_t i = 0; i < 8; ++i) {
      const auto got = other.receive(clock::now() + 30s);
      INFO((got ? std::string{} : got.error()));
      REQUIRE(got);
      const bool same = got->packet == bulk_packet(i, 256 * 1024);
      CHECK(same);
    }
  }
  const auto bulk = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begun);
  const auto after = resident_memory(back.program().pid());
  MESSAGE("echo of the fast front: ", alone.count(), " us alone, ", beside.count(),
          " us beside the slow one; 16 MiB in ", bulk.count(), " ms; the back grew from ",
          before / mib, " to ", after / mib, " MiB, and holds ",
          back.metric("memory_bytes{kind=\"held\"}") / mib);
  CHECK(beside < 5 * alone + 5ms);
  CHECK(bulk < 60s);
#ifdef NDEBUG
  // 20 windows of 8 MiB would be more.
  CHECK(after - before < 150 * mib);
#endif
  check_echo(client);
  CHECK(fast.count_in_output(": connected (build") == 1);
  CHECK(slow.count_in_output(": connected (build") == 1);
}

}  // namespace
}  // namespace mtp::test
