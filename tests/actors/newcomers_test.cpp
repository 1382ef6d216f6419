#include "actors/newcomers.hpp"

#include <algorithm>
#include <set>

#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using test::check_property;
using ticket = newcomers::ticket;

constexpr newcomers::time_point start{};

ticket join(newcomers& table, std::string_view ip) {
  return table.join(*ip_address::parse(ip), {}, start);
}

/// The next one to go, after a long silence; 0 if there is none.
ticket choose(newcomers& table, newcomers::time_point now = start + newcomers::long_silence) {
  const auto victim = table.choose(now);
  return victim ? victim->which : 0;
}

TEST_CASE("newcomers: the one accepted first goes, of the address with most") {
  newcomers table;
  const auto lone = join(table, "192.0.2.1");
  std::vector<ticket> many;
  for (std::size_t i = 0; i < newcomers::harmless + 2; ++i)
    many.push_back(join(table, "198.51.100.7"));
  CHECK(table.size() == newcomers::harmless + 3);
  CHECK(choose(table) == many[0]);
  CHECK(choose(table) == many[1]);
  // Now it has no more than a client opens at once: the oldest goes, whoever that is.
  CHECK(choose(table) == lone);
  CHECK(choose(table) == many[2]);
  CHECK(table.size() == newcomers::harmless - 1);
}

TEST_CASE("newcomers: an official client with 8 connections does not go before a crowd") {
  newcomers table;
  std::vector<ticket> client;
  for (std::size_t i = 0; i < newcomers::harmless; ++i)
    client.push_back(join(table, "192.0.2.1"));
  for (int i = 0; i < 100; ++i)
    static_cast<void>(join(table, "198.51.100.7"));
  for (int i = 0; i < 92; ++i)
    CHECK(choose(table) > client.back());
  CHECK(choose(table) == client.front());
}

TEST_CASE("newcomers: IPv6 addresses count by /64, IPv4 ones by themselves") {
  newcomers table;
  const auto other = join(table, "2001:db8:0:2::1");
  std::vector<ticket> network;
  for (int i = 0; i < 9; ++i)
    network.push_back(join(table, "2001:db8:0:1::" + std::to_string(i)));
  CHECK(choose(table) == network[0]);
  CHECK(choose(table) == other);

  newcomers v4;
  const auto first = join(v4, "192.0.2.1");
  for (int i = 2; i < 20; ++i)
    static_cast<void>(join(v4, "192.0.2." + std::to_string(i)));
  CHECK(choose(v4) == first);
}

TEST_CASE("newcomers: who has left, or was chosen, is not chosen again") {
  newcomers table;
  const auto first = join(table, "192.0.2.1");
  const auto second = join(table, "192.0.2.1");
  table.leave(first);
  CHECK(table.size() == 1);
  CHECK(choose(table) == second);
  CHECK(table.leaving() == 1);
  CHECK(choose(table) == 0);
  table.leave(second);
  CHECK(table.leaving() == 0);
  CHECK(table.size() == 0);
}

TEST_CASE("newcomers: while one is leaving, others go only from a crowd or after a long silence") {
  newcomers table;
  const auto lone = join(table, "192.0.2.1");
  const auto other = join(table, "192.0.2.2");
  std::vector<ticket> crowd;
  for (std::size_t i = 0; i < newcomers::harmless + 2; ++i)
    crowd.push_back(join(table, "198.51.100.7"));
  CHECK(table.largest_crowd() == crowd.size());
  const auto soon = start + newcomers::long_silence / 2;
  CHECK(choose(table, soon) == crowd[0]);
  CHECK(choose(table, soon) == crowd[1]);
  CHECK(table.largest_crowd() == 0);
  CHECK(choose(table, soon) == 0);
  // Somebody may have to go all the same, once those others have gone.
  table.leave(crowd[0]);
  table.leave(crowd[1]);
  CHECK(choose(table, soon) == lone);
  CHECK(choose(table, soon) == 0);
  CHECK(choose(table) == other);
}

TEST_CASE("newcomers: a quarter of the places is not for them, where there are four") {
  CHECK(newcomer_places(1) == 1);
  CHECK(newcomer_places(3) == 3);
  CHECK(newcomer_places(4) == 3);
  CHECK(newcomer_places(64000) == 48000);
}

TEST_CASE("newcomers: as a plain list would choose, whatever happens") {
  check_property([] {
    newcomers table;
    std::map<ticket, int> model;
    const auto count = [&](int from) {
      return std::ranges::count(model, from, [](const auto& item) { return item.second; });
    };
    const auto expected = [&]() -> ticket {
      std::pair<std::ptrdiff_t, ticket> best{0, 0};
      for (const auto& [which, from] : model) {
        const auto held = count(from);
        const auto too_many = held > 8 ? held : 0;
        if (best.second == 0 || too_many > best.first) best = {too_many, which};
      }
      return best.second;
    };
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
    for (const auto step : steps) {
      if (step < 70) {
        // Some come often.
        const auto from = step < 50 ? step % 3 : step;
        model.emplace(join(table, "192.0.2." + std::to_string(from)), from);
      } else if (step < 85 && !model.empty()) {
        const auto at = std::next(model.begin(), step % std::ssize(model));
        table.leave(at->first);
        model.erase(at);
      } else {
        const auto which = choose(table);
        RC_ASSERT(which == expected());
        model.erase(which);
      }
      RC_ASSERT(table.size() == model.size());
    }
    while (!model.empty()) {
      const auto which = choose(table);
      RC_ASSERT(which == expected());
      model.erase(which);
    }
  });
}

}  // namespace
}  // namespace mtp::actors
