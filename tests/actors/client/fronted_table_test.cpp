#include "actors/client/fronted_table.hpp"

#include <algorithm>
#include <memory>

#include "tests/support/manual_node.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

struct nothing {};

/// The table, and connections in it, each with an actor of its own.
struct fixture {
  struct connection {
    test::inbox<nothing> visitor;
    fronted_table::activity moved;
    ip_address from;
    fronted_place place;

    connection(fixture& in, std::string_view ip, std::chrono::seconds moved_at)
        : visitor{in.node.system()},
          moved{net::steady_clock::time_point{moved_at}},
          from{*ip_address::parse(ip)},
          place{in.table.join(from, visitor.handle(), moved)} {}
  };

  test::manual_node node;
  fronted_table table;
  std::vector<std::unique_ptr<connection>> connections;

  connection& join(std::string_view ip, std::chrono::seconds moved_at) {
    return *connections.emplace_back(std::make_unique<connection>(*this, ip, moved_at));
  }
};

TEST_CASE_FIXTURE(fixture, "fronted: the idlest connection of the busiest network ends") {
  join("192.0.2.1", 1s);
  join("198.51.100.7", 9s);
  auto& idle = join("198.51.100.7", 5s);
  join("198.51.100.7", 7s);
  CHECK(table.choose(4) == nullptr);
  CHECK(table.choose(3) == idle.visitor.handle());
  CHECK(table.size() == 3);
  CHECK(table.choose(3) == nullptr);
  idle.moved = net::steady_clock::time_point{20s};
}

TEST_CASE_FIXTURE(fixture,
                  "fronted: a connection that has moved since is not the idlest any more") {
  auto& first = join("192.0.2.1", 1s);
  auto& second = join("192.0.2.1", 2s);
  auto& third = join("192.0.2.1", 3s);
  first.moved = net::steady_clock::time_point{10s};
  CHECK(table.choose(2) == second.visitor.handle());
  third.moved = net::steady_clock::time_point{11s};
  CHECK(table.choose(1) == first.visitor.handle());
  CHECK(table.choose(0) == third.visitor.handle());
}

TEST_CASE_FIXTURE(fixture, "fronted: the idlest of the busiest network, whatever moves when") {
  test::check_property([this] {
    auto now = 0s;
    std::vector<connection*> inside;
    for (const int step : *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 90))) {
      now += 1s;
      if (step < 40) {
        inside.push_back(&join("192.0.2." + std::to_string(step % 2), now));
      } else if (step < 70 && !inside.empty()) {
        inside[static_cast<std::size_t>(step) % inside.size()]->moved =
            net::steady_clock::time_point{now};
      } else if (!inside.empty()) {
        const auto crowd_of = [&](const connection* one) {
          return std::ranges::count(inside, one->from, &connection::from);
        };
        // The first in the list is of the older network.
        const auto& busiest = (*std::ranges::max_element(inside, {}, crowd_of))->from;
        const auto idlest = std::ranges::min_element(inside, {}, [&](const connection* one) {
          return std::pair{one->from != busiest, one->moved.load()};
        });
        RC_ASSERT(table.choose(inside.size() - 1) == (*idlest)->visitor.handle());
        inside.erase(idlest);
      }
    }
    connections.clear();
  });
}

TEST_CASE_FIXTURE(fixture, "fronted: addresses of an IPv6 network are one, those of IPv4 are not") {
  join("2001:db8::1", 8s);
  auto& idle = join("2001:db8::2", 7s);
  join("2001:db8:0:1::1", 1s);
  join("192.0.2.1", 2s);
  join("192.0.2.2", 3s);
  CHECK(table.choose(4) == idle.visitor.handle());
}

TEST_CASE_FIXTURE(fixture, "fronted: places are given back, whatever was chosen, in any order") {
  test::check_property([this] {
    const auto steps = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 100));
    for (const int step : steps) {
      if (step < 50) {
        join("192.0.2." + std::to_string(step % 5), std::chrono::seconds{step});
      } else if (step < 75 && !connections.empty()) {
        connections.erase(connections.begin() +
                          step % static_cast<std::ptrdiff_t>(connections.size()));
      } else {
        const auto before = table.size();
        const bool has = table.choose(3) != nullptr;
        RC_ASSERT(has == (before > 3));
        RC_ASSERT(table.size() == before - (has ? 1 : 0));
      }
      RC_ASSERT(table.size() <= connections.size());
    }
    connections.clear();
    RC_ASSERT(table.size() == 0);
  });
}

}  // namespace
}  // namespace mtp::actors
