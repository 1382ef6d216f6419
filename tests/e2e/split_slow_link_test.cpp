// Links that are slow, lossy or long: the session stays, messages of 1 MiB arrive, and small ones
// beside them do not wait for ever.
#include "tests/e2e/link_network.hpp"
#include "tests/e2e/load_client.hpp"
#include "tests/support/delay_relay.hpp"
#include "tests/support/tagged_packet.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

using clock = std::chrono::steady_clock;

std::chrono::milliseconds since(clock::time_point begun) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begun);
}

constexpr std::uint32_t mib = 1024 * 1024;
constexpr std::uint64_t message = 77;

/// A packet of 1 MiB on its way to `reader`, and one from `writer`, whose Telegram answers with a
/// tag.
void exchange_mib(net::proxy_client& reader, net::proxy_client& writer,
                  std::chrono::milliseconds limit, const std::function<void()>& meanwhile) {
  REQUIRE(reader.send(encode({.action = fake_command::code::part, .size = mib, .number = message}),
                      false, soon()));
  std::jthread uploading{[&] {
    auto upload =
        encode({.action = fake_command::code::upload, .size = mib - 4096, .number = message});
    append(upload, packet_body(message, mib - 4096));
    CHECK(writer.send(upload, false, clock::now() + limit));
    const auto answer = writer.receive(clock::now() + limit);
    INFO((answer ? std::string{} : answer.error()));
    CHECK((answer && answer->packet == to_bytes(packet_tag(message))));
  }};
  std::atomic<bool> done = false;
  std::jthread downloading{[&] {
    const auto got = reader.receive(clock::now() + limit);
    INFO((got ? std::string{} : got.error()));
    CHECK(got);
    bytes expected = to_bytes(packet_tag(message));
    append(expected, packet_body(message, mib - packet_tag_size));
    const bool same = got && got->packet == expected;
    CHECK(same);
    done = true;
  }};
  while (!done)
    meanwhile();
  downloading.join();
  uploading.join();
}

/// Over a network that the test makes.
class far_apart {
 public:
  explicit far_apart(int kbit) {
    {
      const network_visit there{&net.back()};
      telegram = std::make_unique<fake_telegram>(fake_telegram_options{.dcs = {2}});
    }
    nodes.emplace(*telegram);
    back_options at_back;
    at_back.network = &net.back();
    at_back.ip = link_network::back_ip;
    nodes->add_back("back", at_back);
    front_options at_front;
    at_front.network = &net.front();
    nodes->add_front("front", at_front);
    if (kbit > 0) net.slow_down(kbit);
    nodes->start_all();
  }

  link_network net;
  std::unique_ptr<fake_telegram> telegram;
  std::optional<split_nodes> nodes;
};

void check_slow(int kbit, std::chrono::milliseconds limit, std::chrono::milliseconds worst_echo) {
  far_apart world{kbit};
  auto& front = world.nodes->front();
  auto reader = front.client();
  auto writer = front.client(all_protocols()[3]);
  auto small = front.client();
  check_echo(reader);
  check_echo(writer);
  const auto begun = clock::now();
  std::vector<std::chrono::milliseconds> echoes;
  exchange_mib(reader, writer, limit, [&] {
    const auto sent = clock::now();
    const auto packet = random_packet(64);
    REQUIRE(small.send(packet, false, sent + limit));
    const auto got = small.receive(sent + limit);
    REQUIRE(got);
    CHECK(got->packet == packet);
    echoes.push_back(since(sent));
  });
  const auto took = since(begun);
  const auto worst = *std::ranges::max_element(echoes);
  MESSAGE(kbit, " kbit/s: 1 MiB each way took ", took.count(), " ms; ", echoes.size(),
          " small echoes beside it, the slowest ", worst.count(), " ms");
  CHECK(worst < worst_echo);
  // The session is the first one.
  CHECK(front.count_in_output(": connected (build") == 1);
  CHECK(front.count_in_output("connection is lost") == 0);
}

TEST_CASE("split: a link of 1 Mbit/s carries messages of 1 MiB both ways at once") {
  if (link_network::left_out()) return;
  check_slow(1000, 60s, 5s);
}

#ifdef NDEBUG
TEST_CASE("split: a link of 256 kbit/s carries messages of 1 MiB both ways at once" *
          doctest::test_suite("long")) {
  if (link_network::left_out()) return;
  check_slow(256, 120s, 12s);
}
#endif

TEST_CASE("split: a link that loses 2 % of its packets loses no session and no byte") {
  if (link_network::left_out()) return;
  far_apart world{0};
  auto& front = world.nodes->front();
  const load_client::target to{
      .port = front.port(), .secret = front.secret(), .network = front.network()};
  world.net.lose(2);
  tally seen;
  busy_clients busy{to, 1, 30, seen};
  auto reader = front.client();
  auto writer = front.client();
  for (int i = 0; i < 3; ++i)
    exchange_mib(reader, writer, 60s, [&] { pause_briefly(); });
  CHECK(eventually([&] { return seen.echoes > 1000; }, 60s));
  busy.stop();
  CHECK(seen.wrong == 0);
  CHECK(seen.silent == 0);
  CHECK(seen.in_flight_closed == 0);
  CHECK(seen.idle_closed == 0);
  CHECK(front.count_in_output(": connected (build") == 1);
}

TEST_CASE("split: a link of 300 ms there and back") {
  const fake_telegram telegram{{.dcs = {2}}};
  split_nodes nodes{telegram};
  // What is on its way counts against a client's window, 8 MiB by default.
  auto& back =
      nodes.add_back("back", {{.config = "upstream_healthchecks = { total_mem = 67108864 }\n"
                                         "downstream_backpressure = { bytes_total = 67108864 }"}});
  const delay_relay relay{{.ip = ip_address::v4({127, 0, 0, 1}), .port = back.port()}, 150ms};
  front_options how;
  how.backs = {"back@127.0.0.1:" + std::to_string(relay.port())};
  auto& front = nodes.add_front("front", how);
  nodes.start_all();
  auto client = front.client();
  const auto begun = clock::now();
  check_echo(client);
  const auto first = since(begun);
  const auto again = clock::now();
  check_echo(client);
  const auto second = since(again);
  MESSAGE("first echo after ", first.count(), " ms, second one after ", second.count(), " ms");
  CHECK(second >= 300ms);
  // Nothing asks twice.
  CHECK(second < 600ms);
  CHECK(first < 1200ms);
  auto reader = front.client();
  auto writer = front.client(all_protocols()[3]);
  exchange_mib(reader, writer, 60s, [&] { check_echo(client); });

  // The window grows with the distance.
  constexpr std::uint32_t count = 32;
  const auto bulk = clock::now();
  REQUIRE(reader.send(encode({.action = fake_command::code::bulk, .size = mib, .count = count}),
                      false, soon()));
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto got = reader.receive(clock::now() + 60s);
    INFO((got ? std::string{} : got.error()));
    REQUIRE(got);
    const bool same = got->packet == bulk_packet(i, mib);
    CHECK(same);
  }
  MESSAGE(count, " MiB to one client took ", since(bulk).count(), " ms");
  tally seen;
  busy_clients busy{{.port = front.port(), .secret = front.secret()}, 1, 30, seen};
  CHECK(eventually([&] { return seen.echoes > 300; }, 60s));
  busy.stop();
  CHECK(seen.wrong == 0);
  CHECK(seen.silent == 0);
  CHECK(seen.in_flight_closed == 0);
  CHECK(front.count_in_output(": connected (build") == 1);
}

}  // namespace
}  // namespace mtp::test
