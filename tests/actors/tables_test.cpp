// What several actors share: names, metrics, sessions, back-off, Telegram's configuration.
#include <doctest/doctest.h>

#include <fstream>
#include <thread>

#include "actors/client/replay_sweeper.hpp"
#include "actors/core/endpoint_backoff.hpp"
#include "actors/core/metric_names.hpp"
#include "net/loop/entropy.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/process.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

// -- names --------------------------------------------------------------------------------------

TEST_CASE("names: the latest actor has the name, and only it can lose it") {
  test::manual_node node;
  auto& names = node.core.names;
  const auto spawn = [&] {
    return node.system().spawn([]() -> caf::behavior { return {[](caf::unit_t) {}}; });
  };
  const auto old_one = spawn();
  const auto new_one = spawn();
  names.put("x", old_one);
  names.put("x", new_one);
  names.remove("x", old_one.address());
  CHECK(names.find("x") == new_one);
  names.remove("x", new_one.address());
  CHECK_FALSE(names.find("x"));
  caf::anon_send_exit(old_one, caf::exit_reason::kill);
  caf::anon_send_exit(new_one, caf::exit_reason::kill);
}

// -- metrics ------------------------------------------------------------------------------------

const metrics::family& family_of(const std::vector<metrics::family>& all, std::string_view name) {
  const auto at = std::ranges::find(all, name, &metrics::family::name);
  REQUIRE(at != all.end());
  return *at;
}

TEST_CASE("metrics: the same name and labels are the same counter") {
  metrics all;
  all.get_counter("c", "help", {{"a", "1"}}).add();
  all.get_counter("c", "help", {{"a", "1"}}).add(4);
  all.get_counter("c", "help", {{"a", "2"}}).add(7);
  const auto read = all.read();
  const auto& family = family_of(read, "c");
  REQUIRE(family.samples.size() == 2);
  CHECK(family.samples[0].value == 5);
  CHECK(family.samples[1].value == 7);
}

TEST_CASE("metrics: a histogram counts each value in the first bucket that takes it") {
  metrics all;
  auto sizes = all.get_histogram("h", "help", {.bounds = {10, 100}, .scale = 10});
  for (const std::uint64_t value : {0, 10, 11, 100, 101, 5000})
    sizes.observe(value);
  const auto read = all.read();
  const auto& sample = family_of(read, "h").samples.at(0);
  CHECK(sample.buckets == std::vector<std::uint64_t>{2, 2, 2});
  CHECK(sample.bounds == std::vector<double>{1, 10});
  CHECK(sample.sum == doctest::Approx(522.2));
}

TEST_CASE("metrics: nothing counted by several threads is lost") {
  metrics all;
  auto handle = all.get_counter("c", "help");
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < 8; ++i)
    threads.emplace_back([&, i] {
      // Half have cells of their own, half share.
      if (i % 2 == 0) metrics::own_cells(i);
      for (int n = 0; n < 100'000; ++n)
        handle.add();
    });
  for (auto& thread : threads)
    thread.join();
  CHECK(family_of(all.read(), "c").samples.at(0).value == 800'000);
}

TEST_CASE("tables that reactors share: several threads at once") {
  test::manual_node node;
  std::atomic<int> fresh = 0;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread)
    threads.emplace_back([&] {
      for (std::uint64_t n = 0; n < 2'000; ++n) {
        bytes handshake;
        append_le(handshake, n);
        if (node.client.replays.add(handshake, 0)) ++fresh;
        if (n % 500 == 0) {
          static_cast<void>(node.client.replays.remove_older(-1));
          auto next = std::make_shared<telegram_config>();
          next->secret = handshake;
          node.uplink.telegram.set(std::move(next));
          node.core.names.put("x", caf::actor{});
        }
        static_cast<void>(node.uplink.telegram.get()->secret.size());
        static_cast<void>(node.core.names.find("x"));
      }
    });
  for (auto& thread : threads)
    thread.join();
  // Four threads saw each handshake; one of them was the first.
  CHECK(fresh == 2'000);
  CHECK(node.client.replays.size() == 2'000);
}

TEST_CASE("metrics: a gauge is computed when somebody looks") {
  metrics all;
  double value = 1;
  all.set_gauge("g", "help", [&] { return metrics::gauge_values{{{}, value}}; });
  value = 42;
  CHECK(family_of(all.read(), "g").samples.at(0).value == 42);
}

TEST_CASE("metrics: gauges of one source are computed together, once for whoever looks") {
  metrics all;
  int computed = 0;
  all.set_gauges({{.name = "a", .help = "help"}, {.name = "b", .help = "help"}}, [&] {
    ++computed;
    return std::vector<metrics::gauge_values>{{{{}, 1}}, {{{{"x", "y"}}, 2}, {{{"x", "z"}}, 3}}};
  });
  const auto families = all.read();
  CHECK(computed == 1);
  CHECK(family_of(families, "a").samples.at(0).value == 1);
  CHECK(family_of(families, "b").samples.at(1).value == 3);
  CHECK(family_of(all.read(), "b").samples.at(0).value == 2);
  CHECK(computed == 2);
}

TEST_CASE("metrics: DC numbers that clients make up share one label") {
  metrics all;
  client_metrics of_clients{all, "port"};
  for (int dc = 1000; dc < 2000; ++dc)
    of_clients.no_dc(static_cast<dc_id>(dc), "no_link").add();
  of_clients.no_dc(-203, "no_link").add();
  const auto families = all.read();
  const auto found =
      std::ranges::find(families, "mtproto_proxy_no_dc_total", &metrics::family::name);
  REQUIRE(found != families.end());
  REQUIRE(found->samples.size() == 2);
  CHECK(found->samples[0].labels[1] == std::pair<std::string, std::string>{"dc_id", "other"});
  CHECK(found->samples[0].value == 1000);
  CHECK(found->samples[1].labels[1].second == "-203");
}

TEST_CASE("metrics: beyond the room there is, counting does nothing") {
  metrics all;
  for (int i = 0; i < 20'000; ++i)
    all.get_counter("c", "h", {{"i", std::to_string(i)}}).add();
  CHECK(family_of(all.read(), "c").samples.size() == 16384);
  CHECK(errno_label(ECONNREFUSED) == "econnrefused");
}

// -- sessions -----------------------------------------------------------------------------------

bytes session(std::uint32_t number) {
  bytes encoded;
  append_le(encoded, number);
  return encoded;
}

TEST_CASE("sessions: a handshake is new once") {
  replay_cache table;
  CHECK(table.add(session(1), 1000));
  CHECK_FALSE(table.add(session(1), 1001));
  CHECK(table.add(session(2), 1002));
  CHECK(table.size() == 2);
}

TEST_CASE("sessions: use keeps an item, age removes it") {
  replay_cache table;
  table.add(session(1), 1000);
  table.add(session(2), 1000);
  static_cast<void>(table.add(session(1), 5000));
  CHECK(table.oldest(6000) == 1000);
  CHECK(table.remove_older(1001) == 1);
  CHECK(table.oldest(6000) == 5000);
  CHECK_FALSE(table.add(session(1), 6000));
  CHECK(table.add(session(2), 6000));
}

TEST_CASE("sessions: cleaning keeps items, memory and age within bounds, oldest out first") {
  replay_cache table;
  for (std::uint32_t i = 0; i < 1000; ++i)
    table.add(session(i), 300 * i);
  constexpr replay_cache::unix_seconds now = 300 * 1000;
  CHECK(clean_replays(table, {.max_items = 400, .max_memory_mb = 1, .max_age = 1h * 24 * 365},
                      now) == 600);
  CHECK(table.size() == 400);
  CHECK(table.add(session(0), now));
  CHECK_FALSE(table.add(session(999), now));
  // 998 was used ten minutes ago, 999 and 0 just now.
  clean_replays(table, {.max_items = 4000, .max_memory_mb = 512, .max_age = 10min}, now);
  CHECK(table.size() == 3);
}

TEST_CASE("sessions: their memory is a part of the budget") {
  constexpr std::size_t mib = std::size_t{1} << 20U;
  CHECK(replay_memory_mb(0, 64 * mib) == 8);
  CHECK(replay_memory_mb(0, 512 * mib) == 64);
  CHECK(replay_memory_mb(0, 64'000 * mib) == 512);
  CHECK(replay_memory_mb(512, 256 * mib) == 64);
  CHECK(replay_memory_mb(512, 4096 * mib) == 512);
  CHECK(replay_memory_mb(1, 64 * mib) == 1);
  CHECK(replay_memory_mb(0, 1) == 1);
}

TEST_CASE("sessions: the memory bound counts as items") {
  replay_cache table;
  const auto per_mb = 1024 * 1024 / replay_cache::memory_of(1);
  for (std::uint32_t i = 0; i < per_mb + 3000; ++i)
    table.add(session(i), 300 * i);
  clean_replays(table, {.max_items = 4'000'000, .max_memory_mb = 1, .max_age = 1h * 24 * 365},
                300 * static_cast<std::int64_t>(per_mb + 3000));
  CHECK(replay_cache::memory_of(table.size()) <= 1024 * 1024);
  CHECK(table.size() > per_mb - 64);
}

TEST_CASE("sessions: the storage actor cleans once a minute, and answers for its table") {
  test::manual_node node;
  node.configure([&](auto& all) { all.client.replay_cache.max_items = 10; });
  const auto add = [&](std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      node.client.replays.add(session(i), 300 * i);
  };
  add(11);
  const auto storage = node.system().spawn([&](caf::stateful_actor<replay_sweeper_state>* self) {
    return replay_sweeper(self, node.client);
  });
  node.settle();
  node.advance(59s);
  CHECK(node.client.replays.size() == 11);
  node.advance(6s);
  CHECK(node.client.replays.size() <= 10);
  // A crowd of them does not wait for the minute.
  add(100);
  node.advance(6s);
  CHECK(node.client.replays.size() <= 10);
  replay_cache_status status;
  node.system().spawn([&](caf::event_based_actor* self) {
    self->request(storage, caf::infinite, get_replay_cache_status{})
        .then([&](const replay_cache_status& now) { status = now; });
  });
  node.settle();
  CHECK(status.items == node.client.replays.size());
  caf::anon_send_exit(storage, caf::exit_reason::kill);
}

// -- back-off -----------------------------------------------------------------------------------

constexpr endpoint_backoff::time_point start{};

std::vector<endpoint_candidate> candidates(std::size_t count) {
  std::vector<endpoint_candidate> candidates;
  for (std::size_t i = 0; i < count; ++i)
    candidates.push_back(
        {.at = {.ip = ip_address::v4({10, 0, 0, static_cast<std::uint8_t>(i + 1)}), .port = 8888}});
  return candidates;
}

TEST_CASE("back-off: rests double up to the cap, with jitter on top") {
  for (const double jitter : {0.0, 0.999}) {
    endpoint_backoff backoff{[=] { return jitter; }};
    const auto at = candidates(1)[0].at;
    std::vector<int> seconds;
    for (int i = 0; i < 8; ++i)
      seconds.push_back(static_cast<int>(
          std::chrono::duration_cast<std::chrono::seconds>(backoff.failed(at, start) - start)
              .count()));
    if (jitter == 0)
      CHECK(seconds == std::vector{1, 2, 4, 8, 16, 30, 30, 30});
    else
      CHECK(seconds == std::vector{1, 2, 5, 11, 23, 44, 44, 44});
    backoff.succeeded(at);
    CHECK(backoff.failed(at, start) < start + 2s);
  }
}

TEST_CASE(
    "back-off: a failing endpoint rests, is tried by one connection at a time, and is forgiven") {
  endpoint_backoff backoff{[] { return 0.0; }};
  auto all = candidates(2);
  backoff.failed(all[0].at, start);
  CHECK(backoff.choose(all, start) == all[1].at);
  backoff.failed(all[1].at, start);
  CHECK_FALSE(backoff.choose(all, start));
  CHECK(backoff.next_chance(all, start) == start + 1s);
  CHECK(backoff.choose(all, start + 1s) == all[0].at);
  all[0].pending = 1;
  CHECK(backoff.choose(all, start + 1s) == all[1].at);
  all[1].pending = 1;
  CHECK_FALSE(backoff.choose(all, start + 1s));
  CHECK(backoff.choose(all, start + 2min));
}

TEST_CASE("back-off: whatever happens, an endpoint that fails is not tried twice within a second") {
  test::check_property([] {
    endpoint_backoff backoff{[] { return 0.5; }};
    const auto all = candidates(3);
    std::map<endpoint, endpoint_backoff::time_point> failed_at;
    auto now = start;
    for (int i = 0; i < 50; ++i) {
      now += std::chrono::milliseconds{*rc::gen::inRange(0, 2000)};
      const auto chosen = backoff.choose(all, now);
      if (!chosen) {
        RC_ASSERT(backoff.next_chance(all, now) > now);
        continue;
      }
      if (failed_at.contains(*chosen)) RC_ASSERT(now - failed_at[*chosen] >= 1s);
      if (*rc::gen::arbitrary<bool>()) {
        backoff.failed(*chosen, now);
        failed_at[*chosen] = now;
      } else {
        backoff.succeeded(*chosen);
        failed_at.erase(*chosen);
      }
    }
  });
}

// -- Telegram's configuration -------------------------------------------------------------------

TEST_CASE("Telegram: unknown DCs go to the default, known ones to themselves") {
  const auto config = built_in_telegram_config();
  CHECK(config.resolve(4) == 4);
  CHECK(config.resolve(-203) == -203);
  CHECK(config.resolve(17) == 2);
  CHECK_FALSE(telegram_config{}.resolve(2));
  CHECK(config.endpoints(4, false).front().ip.is_v4());
  CHECK_FALSE(config.endpoints(4, true).front().ip.is_v4());
  CHECK(config.dcs().size() == 12);
  CHECK(is_proxy_secret(config.secret));
}

TEST_CASE("Telegram: media of a DC without middle proxies of their own go to the DC itself") {
  auto config = built_in_telegram_config();
  for (auto* const list : {&config.v4, &config.v6})
    list->endpoints.erase(-4);
  CHECK(config.resolve(-4) == 4);
  CHECK(config.resolve(-17) == 2);
  for (auto* const list : {&config.v4, &config.v6})
    list->endpoints.erase(4);
  CHECK(config.resolve(-4) == 2);
}

TEST_CASE("Telegram: what is saved is loaded; what is broken is not believed") {
  const test::temporary_directory place;
  const telegram_config_files files{(place.path() / "state").string()};
  telegram_config loaded;
  CHECK_FALSE(files.load(loaded));
  auto config = built_in_telegram_config();
  config.secret = bytes(64, 0x55);
  REQUIRE(files.save(config).empty());
  CHECK(files.load(loaded));
  CHECK(loaded == config);
  // Only the owner reads the secret.
  const auto mode = std::filesystem::status(place.path() / "state" / "proxy-secret").permissions();
  CHECK((mode & std::filesystem::perms::others_read) == std::filesystem::perms::none);

  std::ofstream{place.path() / "state" / "proxy-config"} << "proxy_for what?";
  telegram_config again;
  CHECK_FALSE(files.load(again));
  CHECK(again.v4.endpoints.empty());
  CHECK(again.secret == config.secret);

  CHECK(files.save(config).empty());
  const telegram_config_files nowhere{"/proc/no/such/place"};
  CHECK_FALSE(nowhere.save(config).empty());
}

TEST_CASE("Telegram: a captive portal's page is no secret") {
  for (const std::string page : {
           "<html><body>Please-log-in-to-use-this-network</body></html>",
           "Access to this resource is blocked by order of the regulator.",
           "Доступ ограничен по решению суда",
           "{\"error\":\"forbidden\",\"code\":451,\"by\":\"regulator\"}",
       }) {
    CAPTURE(page);
    CHECK_FALSE(is_proxy_secret(as_bytes(page)));
  }
  CHECK(is_proxy_secret(as_bytes(std::string(64, 'a'))));
  CHECK(is_proxy_secret(net::random_array<128>()));
  CHECK_FALSE(is_proxy_secret(bytes(31)));
  CHECK_FALSE(is_proxy_secret(bytes(257)));
  CHECK(is_proxy_secret(bytes(32)));
  CHECK(is_proxy_secret(bytes(256)));
}

}  // namespace
}  // namespace mtp::actors
