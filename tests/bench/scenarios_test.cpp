#include "bench/scenarios.hpp"

#include <doctest/doctest.h>

#include <set>

#include "bench/link_ceiling.hpp"

using namespace mtp::bench;

TEST_CASE("no two lines have the same name") {
  std::set<std::string> names;
  for (const auto& one : all_scenarios()) {
    for (const auto& line : one.measures)
      CHECK(names.insert(line.name).second);
    for (const auto& of_split : one.split)
      CHECK(names.insert(of_split.line.name).second);
  }
  for (const auto& one : all_ceilings())
    CHECK(names.insert(one.name).second);
}
