#include "actors/client/newcomers.hpp"

#include <algorithm>
#include <set>

#include "tests/support/manual_node.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using test::check_property;
using number = newcomers::number;

constexpr newcomers::time_point start{};

struct nothing {};

/// The table, and the places in it.
struct fixture {
  newcomers table;
  test::manual_node node;
  test::inbox<nothing> handler{node.system()};
  std::map<number, newcomer_place> places;

  number join(std::string_view ip) {
    auto place = table.join(*ip_address::parse(ip), start);
    place.start(handler.handle());
    const auto newcomer = place.newcomer();
    places.emplace(newcomer, std::move(place));
    return newcomer;
  }
  void leave(number newcomer) { places.erase(newcomer); }
  /// The next one to go, after a long silence; 0 if there is none.
  number choose(newcomers::time_point now = start + newcomers::long_silence,
                bool is_one_more = false) {
    const auto victim = table.choose(now, is_one_more);
    return victim ? victim->newcomer : 0;
  }
};

TEST_CASE_FIXTURE(fixture, "newcomers: the one accepted first goes, of the address with most") {
  const auto lone = join("192.0.2.1");
  std::vector<number> many;
  for (std::size_t i = 0; i < newcomers::harmless + 2; ++i)
    many.push_back(join("198.51.100.7"));
  CHECK(table.size() == newcomers::harmless + 3);
  CHECK(choose() == many[0]);
  CHECK(choose() == many[1]);
  // Now it has no more than a client opens at once: the oldest of all goes.
  CHECK(choose() == lone);
  CHECK(choose() == many[2]);
  CHECK(table.size() == newcomers::harmless - 1);
}

TEST_CASE_FIXTURE(fixture,
                  "newcomers: an official client with 8 connections does not go before a crowd") {
  std::vector<number> client;
  for (std::size_t i = 0; i < newcomers::harmless; ++i)
    client.push_back(join("192.0.2.1"));
  for (int i = 0; i < 100; ++i)
    static_cast<void>(join("198.51.100.7"));
  for (int i = 0; i < 92; ++i)
    CHECK(choose() > client.back());
  CHECK(choose() == client.front());
}

TEST_CASE_FIXTURE(fixture, "newcomers: IPv6 addresses count by /64, IPv4 ones by themselves") {
  const auto other = join("2001:db8:0:2::1");
  std::vector<number> network;
  for (int i = 0; i < 9; ++i)
    network.push_back(join("2001:db8:0:1::" + std::to_string(i)));
  CHECK(choose() == network[0]);
  CHECK(choose() == other);

  places.clear();
  const auto first = join("192.0.2.1");
  for (int i = 2; i < 20; ++i)
    static_cast<void>(join("192.0.2." + std::to_string(i)));
  CHECK(choose() == first);
}

TEST_CASE_FIXTURE(fixture, "newcomers: who has left, or was chosen, is not chosen again") {
  const auto first = join("192.0.2.1");
  const auto second = join("192.0.2.1");
  leave(first);
  CHECK(table.size() == 1);
  CHECK(choose() == second);
  CHECK(table.leaving() == 1);
  CHECK(choose() == 0);
  leave(second);
  CHECK(table.leaving() == 0);
  CHECK(table.size() == 0);
}

TEST_CASE_FIXTURE(
    fixture,
    "newcomers: while one is leaving, others go only from a crowd or after a long silence") {
  const auto lone = join("192.0.2.1");
  const auto other = join("192.0.2.2");
  std::vector<number> crowd;
  for (std::size_t i = 0; i < newcomers::harmless + 2; ++i)
    crowd.push_back(join("198.51.100.7"));
  CHECK(table.largest_crowd() == crowd.size());
  const auto soon = start + newcomers::long_silence / 2;
  CHECK(choose(soon, table.leaving() > 0) == crowd[0]);
  CHECK(choose(soon, table.leaving() > 0) == crowd[1]);
  CHECK(table.largest_crowd() == 0);
  CHECK(choose(soon, table.leaving() > 0) == 0);
  // Another one may have to go all the same, once those have gone.
  leave(crowd[0]);
  leave(crowd[1]);
  CHECK(choose(soon, table.leaving() > 0) == lone);
  CHECK(choose(soon, table.leaving() > 0) == 0);
  CHECK(choose(start + newcomers::long_silence, true) == other);
}

TEST_CASE_FIXTURE(fixture, "newcomers: who could not be told is not chosen") {
  auto place = table.join(*ip_address::parse("192.0.2.1"), start);
  CHECK(table.size() == 1);
  CHECK(choose() == 0);
  place.start(handler.handle());
  CHECK(choose() == place.newcomer());
  CHECK(table.leaving() == 1);
  place.leave();
  CHECK(table.leaving() == 0);
}

TEST_CASE("newcomers: as a plain list would choose, whatever happens") {
  check_property([] {
    fixture world;
    std::map<number, int> model;
    const auto count = [&](int from) {
      return std::ranges::count(model, from, [](const auto& item) { return item.second; });
    };
    const auto expected = [&]() -> number {
      std::pair<std::ptrdiff_t, number> best{0, 0};
      for (const auto& [newcomer, from] : model) {
        const auto held = count(from);
        const auto too_many = held > 8 ? held : 0;
        if (best.second == 0 || too_many > best.first) best = {too_many, newcomer};
      }
      return best.second;
    };
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
    for (const auto step : steps) {
      if (step < 70) {
        // Some come often.
        const auto from = step < 50 ? step % 3 : step;
        model.emplace(world.join("192.0.2." + std::to_string(from)), from);
      } else if (step < 85 && !model.empty()) {
        const auto at = std::next(model.begin(), step % std::ssize(model));
        world.leave(at->first);
        model.erase(at);
      } else {
        const auto newcomer = world.choose();
        RC_ASSERT(newcomer == expected());
        model.erase(newcomer);
        world.leave(newcomer);
      }
      RC_ASSERT(world.table.size() == model.size());
    }
    while (!model.empty()) {
      const auto newcomer = world.choose();
      RC_ASSERT(newcomer == expected());
      model.erase(newcomer);
    }
  });
}

}  // namespace
}  // namespace mtp::actors
