// Tables that several actors share: names, and the replay cache.
#include <doctest/doctest.h>

#include <thread>

#include "actors/client/replay_sweeper.hpp"
#include "tests/support/manual_node.hpp"

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

// -- several threads ----------------------------------------------------------------------------

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

}  // namespace
}  // namespace mtp::actors
