// The table of handshakes seen, and what keeps it within its bounds.
#include <doctest/doctest.h>

#include <map>

#include "actors/client/replay_sweeper.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

constexpr auto year = 1h * 24 * 365;

replay_record session(std::uint32_t number, std::int64_t used) {
  bytes encoded;
  append_le(encoded, number);
  return {.fingerprint = fingerprint_of(secret16{}, encoded), .used = used};
}

TEST_CASE("sessions: a handshake is new once") {
  replay_cache table;
  CHECK(table.add(session(1, 1000)));
  CHECK_FALSE(table.add(session(1, 1001)));
  CHECK(table.add(session(2, 1002)));
  CHECK(table.size() == 2);
}

TEST_CASE("sessions: use keeps an item, age removes it") {
  replay_cache table;
  table.add(session(1, 1000));
  table.add(session(2, 1000));
  static_cast<void>(table.add(session(1, 5000)));
  CHECK(table.oldest(6000) == 1000);
  CHECK(table.remove_older(1001, 1001) == 1);
  CHECK(table.oldest(6000) == 5000);
  CHECK_FALSE(table.add(session(1, 6000)));
  CHECK(table.add(session(2, 6000)));
}

TEST_CASE("sessions: cleaning keeps items, memory and age within bounds, oldest out first") {
  replay_cache table;
  for (std::uint32_t i = 0; i < 1000; ++i)
    table.add(session(i, 300 * i));
  constexpr replay_cache::unix_seconds now = 300 * 1000;
  CHECK(
      clean_replays(table, {.max_items = 400, .max_memory_mb = 1, .max_age = year}, now).removed ==
      600);
  CHECK(table.size() == 400);
  CHECK(table.add(session(0, now)));
  CHECK_FALSE(table.add(session(999, now)));
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
  constexpr auto per_mb = 1024 * 1024 / replay_cache::bytes_per_item;
  for (std::uint32_t i = 0; i < per_mb + 3000; ++i)
    table.add(session(i, 300 * i));
  clean_replays(table, {.max_items = 4'000'000, .max_memory_mb = 1, .max_age = year},
                300 * static_cast<std::int64_t>(per_mb + 3000));
  CHECK(table.size() > per_mb - 64);
  CHECK(table.size() <= per_mb);
  // Parts grow one by one: some are half empty already.
  CHECK(table.memory() <= 1024 * 1024 + replay_cache::part_count * 16 * 16);
}

TEST_CASE("sessions: an item takes 64 bytes at most, however many there are") {
  replay_cache table;
  CHECK(table.memory() == 0);
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    table.add(session(i, 1 + i / 1000));
    if (i >= 20'000 && i % 10'000 == 0) CHECK(table.memory() <= i * std::size_t{64});
  }
  CHECK(table.memory() <= table.size() * replay_cache::bytes_per_item * 5 / 4);
  CHECK(table.remove_older(180, 180) == 179'000);
  CHECK(table.memory() <= table.size() * 64);
  CHECK(table.remove_older(1000, 1000) == 21'000);
  CHECK(table.memory() == 0);
}

TEST_CASE("sessions: a flood does not push out all that came in the minutes before it") {
  replay_cache table;
  constexpr replay_cache::unix_seconds now = 300 * 1000;
  for (std::uint32_t i = 0; i < 10; ++i)
    table.add(session(i, now - 60));
  for (std::uint32_t i = 1000; i < 1200; ++i)
    table.add(session(i, now - (i < 1150 ? 70 : 0)));
  const auto cleaned =
      clean_replays(table, {.max_items = 60, .max_memory_mb = 1, .max_age = year}, now);
  CHECK(cleaned.removed == 150);
  // And it says so: they may have been usable still.
  CHECK(cleaned.crowded_out_until > now - 360);
  CHECK_FALSE(table.add(session(1, now)));
}

TEST_CASE("sessions: what proves no time is remembered for a week, unless there is no room") {
  replay_cache table;
  constexpr replay_cache::unix_seconds now = 100 * 24 * 3600;
  constexpr auto day = 24 * 3600;
  const auto lasting = [](std::uint32_t number, std::int64_t used) {
    auto record = session(number, used);
    record.lasting = true;
    return record;
  };
  table.add(session(1, now - day));
  table.add(lasting(2, now - 6 * day));
  table.add(lasting(3, now - 8 * day));
  // It was seen without a time later.
  table.add(session(4, now - day));
  table.add(lasting(4, now - day));
  const config::replay_cache_settings bounds{
      .max_items = 100, .max_memory_mb = 1, .max_age = 10min};
  CHECK(clean_replays(table, bounds, now).removed == 2);
  CHECK_FALSE(table.add(lasting(2, now - 6 * day)));
  CHECK_FALSE(table.add(session(4, now - day)));
  CHECK(clean_replays(table, {.max_items = 1, .max_memory_mb = 1, .max_age = 10min}, now).removed ==
        1);
  CHECK_FALSE(table.add(session(4, now)));
}

TEST_CASE("sessions: the table is a set that knows when each was used") {
  test::check_property([] {
    replay_cache table;
    std::map<std::uint32_t, std::int64_t> model;
    for (const auto& [number, used, remove] :
         *rc::gen::arbitrary<std::vector<std::tuple<std::uint16_t, std::uint16_t, bool>>>()) {
      const std::int64_t time = 1 + used % 500;
      if (remove && number % 8 == 0) {
        const auto gone =
            std::erase_if(model, [&](const auto& item) { return item.second < time; });
        RC_ASSERT(table.remove_older(time, time) == gone);
        continue;
      }
      const auto [at, is_new] = model.try_emplace(number % 1000, time);
      at->second = std::max(at->second, time);
      RC_ASSERT(table.add(session(number % 1000, time)) == is_new);
    }
    std::vector<replay_record> all;
    for (std::size_t i = 0; i < replay_cache::part_count; ++i)
      table.copy_part(i, all);
    RC_ASSERT(all.size() == model.size() && table.size() == model.size());
    for (const auto& [number, used] : model)
      RC_ASSERT(std::ranges::find(all, session(number, used)) != all.end());
  });
}

TEST_CASE("sessions: the storage actor cleans once a minute, and answers for its table") {
  test::manual_node node;
  node.configure([&](auto& all) { all.client.replay_cache.max_items = 10; });
  const auto add = [&](std::uint32_t count) {
    for (std::uint32_t i = 0; i < count; ++i)
      node.client.replays.add(session(i, 300 * i));
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
