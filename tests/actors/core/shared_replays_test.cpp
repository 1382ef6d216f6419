// What a front remembers of handshakes that other fronts have seen, and what it has for them.
#include "actors/core/shared_replays.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "actors/client/replay_sweeper.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t now = 1'800'000'000;

replay_record handshake(std::uint32_t number, std::int64_t used = now, bool lasting = false) {
  replay_record record{.used = used, .lasting = lasting};
  store_le(byte_span{record.fingerprint}.subspan(4), number);
  return record;
}

// -- seen_ring -----------------------------------------------------------------------------------

TEST_CASE("seen ring: readers take what they have not seen, and learn what they have missed") {
  seen_ring<replay_record> ring;
  CHECK(ring.read(ring.begin(), 10).handshakes.empty());
  for (std::uint32_t i = 0; i < 5; ++i)
    ring.add(handshake(i));
  const auto first = ring.read(0, 3);
  CHECK(first.handshakes == std::vector{handshake(0), handshake(1), handshake(2)});
  CHECK(first.next == 3);
  const auto rest = ring.read(first.next, 3);
  CHECK(rest.handshakes == std::vector{handshake(3), handshake(4)});
  CHECK(ring.read(rest.next, 3).handshakes.empty());
  for (std::uint32_t i = 5; i < 5 + seen_ring_size; ++i)
    ring.add(handshake(i));
  CHECK(ring.size() == seen_ring_size);
  const auto late = ring.read(first.next, 1);
  CHECK(late.missed == 2);
  CHECK(late.handshakes == std::vector{handshake(5)});
  CHECK(late.next == 6);
  // Numbers are not used again.
  ring.clear();
  CHECK(ring.read(ring.begin(), 1).handshakes.empty());
  ring.add(handshake(1));
  CHECK(ring.begin() == 5 + seen_ring_size);
}

// -- replays_by_front ----------------------------------------------------------------------------

constexpr std::size_t quota = 64 * replays_by_front::part_count;

TEST_CASE("replays by front: what any front has seen is known, until it is too old") {
  replays_by_front table;
  CHECK_FALSE(table.contains(handshake(1).fingerprint));
  CHECK(table.memory() == 0);
  table.add(3, handshake(1, now - 100), quota);
  table.add(4, handshake(2, now - 100, true), quota);
  table.add(replays_by_front::max_fronts - 1, handshake(3, now - 100), quota);
  table.add(replays_by_front::max_fronts - 1, handshake(3, now), quota);
  CHECK(table.size_of(replays_by_front::max_fronts - 1) == 1);
  table.clean(now - 10, now - 1000, quota);
  CHECK_FALSE(table.contains(handshake(1).fingerprint));
  CHECK(table.contains(handshake(2).fingerprint));
  CHECK(table.contains(handshake(3).fingerprint));
  table.clean(now + 1, now + 1, quota);
  CHECK(table.memory() == 0);
}

TEST_CASE("replays by front: beyond its quota a front loses its oldest") {
  replays_by_front table;
  for (std::uint32_t i = 0; i < 3 * quota; ++i)
    table.add(0, handshake(i, now + i), quota);
  CHECK(table.size_of(0) <= quota);
  CHECK(table.size_of(0) > quota / 2);
  CHECK(table.memory() < quota * 2 * replays_by_front::bytes_per_item);
  std::size_t kept = 0;
  for (std::uint32_t i = 3 * quota - quota / 4; i < 3 * quota; ++i)
    if (table.contains(handshake(i).fingerprint)) ++kept;
  CHECK(kept == quota / 4);
  CHECK_FALSE(table.contains(handshake(0).fingerprint));
  // A smaller one is kept at the next cleaning; all of one time need not go together.
  table.clean(0, 0, quota / 4);
  CHECK(table.size_of(0) <= quota / 4);
  CHECK(table.size_of(0) > quota / 8);
  replays_by_front same_time;
  for (std::uint32_t i = 0; i < 2 * quota; ++i)
    same_time.add(0, handshake(i), quota);
  CHECK(same_time.size_of(0) > quota / 2);
}

TEST_CASE("replays by front: whatever a seized front tells of, what others have seen stays") {
  test::check_property([] {
    replays_by_front table;
    constexpr replays_by_front::front seized = 7;
    std::map<replays_by_front::front, std::set<std::uint32_t>> honest;
    const auto steps =
        *rc::gen::container<std::vector<std::tuple<std::uint8_t, std::uint16_t, std::int32_t>>>(
            200, rc::gen::arbitrary<std::tuple<std::uint8_t, std::uint16_t, std::int32_t>>());
    for (const auto& [kind, number, time] : steps) {
      if (kind % 4 != 0) {
        const replays_by_front::front from = kind % 4;
        table.add(from, handshake(number, now - (time & 0xff)), quota);
        honest[from].insert(number);
        continue;
      }
      // The same as others, before or after them, at any time; and very many of its own.
      table.add(seized, handshake(number, time), quota);
      for (std::uint32_t i = 0; i < 200; ++i)
        table.add(seized, handshake((std::uint32_t{number} << 16) + i, now + time), quota / 64);
    }
    RC_ASSERT(table.size_of(seized) <= quota);
    for (const auto& [from, numbers] : honest) {
      RC_ASSERT(table.size_of(from) == numbers.size());
      for (const auto number : numbers)
        RC_ASSERT(table.contains(handshake(number).fingerprint));
    }
  });
}

// -- shared_replays ------------------------------------------------------------------------------

struct sharing_front {
  metrics count_in;
  shared_replays shared{count_in};
  config::client_config settings;

  sharing_front() {
    settings.replay_share = true;
    settings.replay_cache.max_memory_mb = 1;
    shared.follow(settings);
  }
  std::vector<replay_record> own(std::optional<shared_replays::own_ring::place> at = {}) const {
    return shared.read_own(at, 1000).handshakes;
  }
};

TEST_CASE_FIXTURE(sharing_front, "shared replays: what another front has seen is not told on") {
  CHECK_FALSE(shared.is_replay(handshake(1)));
  CHECK(shared.add("other", std::vector{handshake(2), handshake(3)}));
  CHECK(shared.is_replay(handshake(2)));
  CHECK(shared.is_replay(handshake(2)));
  CHECK_FALSE(shared.is_replay(handshake(4)));
  CHECK(own() == std::vector{handshake(1), handshake(4)});
  CHECK(own(1) == std::vector{handshake(4)});
  // To itself it is not another front: its own memory knows them.
  CHECK_FALSE(shared.is_replay(handshake(1)));
}

TEST_CASE_FIXTURE(sharing_front, "shared replays: off it remembers nothing, and takes no memory") {
  CHECK_FALSE(shared.is_replay(handshake(1)));
  CHECK(shared.add("other", std::vector{handshake(2)}));
  CHECK(shared.memory() > 0);
  settings.replay_share = false;
  shared.follow(settings);
  CHECK_FALSE(shared.is_on());
  CHECK(shared.memory() == 0);
  CHECK_FALSE(shared.is_replay(handshake(2)));
  CHECK_FALSE(shared.is_replay(handshake(5)));
  CHECK_FALSE(shared.add("other", std::vector{handshake(2)}));
  CHECK(shared.memory() == 0);
  settings.replay_share = true;
  shared.follow(settings);
  CHECK_FALSE(shared.is_replay(handshake(2)));
  CHECK(own() == std::vector{handshake(2)});
  // Without a check there is nothing to be shared.
  settings.replay_check_session_storage = false;
  shared.follow(settings);
  CHECK_FALSE(shared.is_on());
  settings.replay_check_session_storage = true;
  shared.follow(settings);
  CHECK_FALSE(shared.is_replay(handshake(2)));
  // Other options leave what is remembered.
  settings.replay_cache.max_items = 1000;
  shared.follow(settings);
  CHECK(own() == std::vector{handshake(2)});
}

TEST_CASE_FIXTURE(sharing_front,
                  "shared replays: each front has its part, whatever others tell of") {
  constexpr std::size_t most = (std::size_t{1} << 20U) / replays_by_front::bytes_per_item / 2;
  constexpr std::size_t part = most / replays_by_front::max_fronts;
  const auto told_by = [](std::uint32_t from, std::size_t count) {
    std::vector<replay_record> many;
    for (std::uint32_t i = 0; i < count; ++i)
      many.push_back(handshake(from * 1'000'000 + i, now + i));
    return many;
  };
  const auto known = [&](const std::vector<replay_record>& all, std::size_t from, std::size_t to) {
    std::size_t count = 0;
    for (auto i = from; i < to; ++i)
      if (shared.is_replay(all[i])) ++count;
    return count;
  };
  const auto first = told_by(1, part / 4);
  const auto second = told_by(2, 4 * part);
  CHECK(shared.add("a", first));
  CHECK(shared.add("b", second));
  const auto of_first = known(first, 0, first.size());
  const auto of_second = known(second, 0, second.size());
  CHECK(of_first > first.size() * 3 / 4);
  CHECK(of_second > part / 2);
  CHECK(of_second <= part);
  // Many names that tell of as much as they can take nothing from those before.
  for (std::uint32_t i = 3; i <= replays_by_front::max_fronts; ++i)
    CHECK(shared.add("front" + std::to_string(i), told_by(i, 2 * part)));
  shared.clean(0, 0);
  CHECK(known(first, 0, first.size()) == of_first);
  CHECK(known(second, 0, second.size()) == of_second);
  CHECK(shared.memory() < (std::size_t{3} << 19U));
}

TEST_CASE_FIXTURE(sharing_front,
                  "shared replays: fronts beyond the limit wait until one is forgotten") {
  for (std::size_t i = 0; i < replays_by_front::max_fronts; ++i)
    CHECK(shared.add(
        "front" + std::to_string(i),
        std::vector{handshake(static_cast<std::uint32_t>(i), i == 5 ? now - 1000 : now)}));
  CHECK_FALSE(shared.add("another", std::vector{handshake(100)}));
  CHECK(shared.add("front7", std::vector{handshake(101)}));
  CHECK_FALSE(shared.is_replay(handshake(100)));
  shared.clean(now - 10, now - 10);
  CHECK(shared.add("another", std::vector{handshake(100)}));
  CHECK(shared.is_replay(handshake(100)));
  CHECK(shared.is_replay(handshake(6)));
}

TEST_CASE("shared replays: the sweeper forgets them by the age of the node's own") {
  test::manual_node node;
  node.configure([&](auto& all) {
    all.client.replay_share = true;
    all.client.replay_cache.max_age = 10min;
  });
  auto& shared = node.link.shared_replays;
  shared.follow(node.core.config.get()->client);
  const auto sweeper = node.system().spawn([&](caf::stateful_actor<replay_sweeper_state>* self) {
    return replay_sweeper(self, node.client);
  });
  const auto ago = [](std::chrono::seconds age) { return std::time(nullptr) - age.count(); };
  CHECK(shared.add("other",
                   std::vector{handshake(1, ago(9min)), handshake(2, ago(11min)),
                               handshake(3, ago(11min), true), handshake(4, ago(24h * 8), true)}));
  node.settle();
  node.advance(59s);
  node.advance(6s);
  CHECK(shared.is_replay(handshake(1)));
  CHECK_FALSE(shared.is_replay(handshake(2)));
  CHECK(shared.is_replay(handshake(3)));
  CHECK_FALSE(shared.is_replay(handshake(4)));
  caf::anon_send_exit(sweeper, caf::exit_reason::kill);
}

TEST_CASE("shared replays: reactors look while backs tell and the option changes") {
  sharing_front front;
  std::vector<std::jthread> threads;
  for (std::uint32_t thread = 0; thread < 3; ++thread)
    threads.emplace_back([&, thread] {
      for (std::uint32_t i = 0; i < 3000; ++i) {
        static_cast<void>(front.shared.is_replay(handshake(i)));
        if (i % 10 == 0)
          static_cast<void>(
              front.shared.add(std::to_string(thread), std::vector{handshake(i + thread)}));
        if (i % 100 == 0) static_cast<void>(front.own());
        if (thread != 0 || i % 500 != 0) continue;
        auto settings = front.settings;
        settings.replay_share = i % 1000 == 0;
        front.shared.follow(settings);
        front.shared.clean(0, 0);
      }
    });
  threads.clear();
  front.settings.replay_share = false;
  front.shared.follow(front.settings);
  CHECK(front.shared.memory() == 0);
}

}  // namespace
}  // namespace mtp::actors
