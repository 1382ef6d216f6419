#include "actors/node_link/known_backs.hpp"

#include <doctest/doctest.h>

namespace mtp::actors {
namespace {

const config::back_address first{"one", "192.0.2.1", 9199};
const config::back_address second{"two", "192.0.2.2", 9199};
const config::back_address third{"three", "192.0.2.3", 9199};

config::settings front_with(std::vector<config::back_address> backs) {
  config::settings settings;
  settings.process.role = config::node_role::front;
  settings.link.back_nodes = std::move(backs);
  return settings;
}
using list = known_backs::list;

TEST_CASE("known backs: in the order of the list; places stay with their backs") {
  known_backs backs;
  CHECK(backs.follow(front_with({first, second})) == list{{0, first}, {1, second}});
  CHECK(backs.follow(front_with({second, first})).empty());
  CHECK(*backs.get() == list{{1, second}, {0, first}});
  CHECK(backs.follow(front_with({third, second})) == list{{2, third}});
  CHECK(*backs.get() == list{{2, third}, {1, second}, {0, first, true}});
  // Wanted again before it was left.
  CHECK(backs.follow(front_with({first, second})).empty());
  CHECK(*backs.get() == list{{0, first}, {1, second}, {2, third, true}});
}

TEST_CASE(
    "known backs: only what is being left can be forgotten, and its place is not used again") {
  known_backs backs;
  backs.follow(front_with({first, second}));
  CHECK_FALSE(backs.forget(0));
  CHECK_FALSE(backs.forget(7));
  backs.follow(front_with({second}));
  CHECK(backs.find(0)->is_leaving);
  CHECK(backs.forget(0));
  CHECK_FALSE(backs.forget(0));
  CHECK_FALSE(backs.find(0));
  CHECK(backs.follow(front_with({first, second})) == list{{2, first}});
}

TEST_CASE("known backs: another name or port is another back") {
  known_backs backs;
  backs.follow(front_with({first}));
  auto renamed = first;
  renamed.name = "uno";
  CHECK(backs.follow(front_with({renamed})) == list{{1, renamed}});
  auto moved = renamed;
  moved.port = 1;
  CHECK(backs.follow(front_with({moved})) == list{{2, moved}});
}

TEST_CASE("known backs: a node of both has one, inside itself") {
  known_backs backs;
  CHECK(backs.follow(config::settings{}) == list{{0, std::nullopt}});
  CHECK(backs.follow(config::settings{}).empty());
  CHECK(to_string(backs.get()->front()) == "inside this process");
}

}  // namespace
}  // namespace mtp::actors
