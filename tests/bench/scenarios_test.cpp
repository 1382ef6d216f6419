#include "bench/scenarios.hpp"

#include <doctest/doctest.h>

#include <set>

#include "bench/link_ceiling.hpp"

using namespace mtp::bench;

TEST_CASE("no two lines have the same name") {
  std::set<std::string> names;
  for (const auto& scenario : all_scenarios()) {
    for (const auto& line : scenario.measures)
      CHECK(names.insert(line.name).second);
    for (const auto& of_split : scenario.split)
      CHECK(names.insert(of_split.line.name).second);
  }
  for (const auto& ceiling : all_ceilings())
    CHECK(names.insert(ceiling.name).second);
}
