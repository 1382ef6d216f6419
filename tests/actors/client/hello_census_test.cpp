// Which programs connect.
#include "actors/client/hello_census.hpp"

#include <doctest/doctest.h>

namespace mtp::actors {
namespace {

TEST_CASE("hello census: the most frequent ones first, by what became of them") {
  hello_census census;
  census.count("a", hello_outcome::answered);
  census.count("b", hello_outcome::forwarded);
  census.count("b", hello_outcome::forwarded);
  census.count("b", hello_outcome::refused);
  census.count("c", hello_outcome::refused);
  const auto top = census.top(2);
  REQUIRE(top.size() == 2);
  CHECK(top[0].ja4 == "b");
  CHECK(top[0].counts == std::array<std::uint64_t, 3>{0, 2, 1});
  CHECK(top[1].ja4 == "a");
  CHECK(census.top(10).size() == 3);
}

TEST_CASE("hello census: fingerprints that are made up do not push out frequent ones") {
  hello_census census;
  for (int i = 0; i < 10; ++i)
    census.count("frequent", hello_outcome::answered);
  for (std::size_t i = 0; i < 3 * hello_census::max_kept; ++i)
    census.count(std::to_string(i), hello_outcome::forwarded);
  const auto all = census.top(10 * hello_census::max_kept);
  CHECK(all.size() == hello_census::max_kept);
  CHECK(all[0].ja4 == "frequent");
}

}  // namespace
}  // namespace mtp::actors
