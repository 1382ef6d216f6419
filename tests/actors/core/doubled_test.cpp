#include "actors/core/doubled.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

TEST_CASE("doubled: twice as long after each failure, up to a limit, however many there were") {
  CHECK(doubled(100ms, 0, 5000ms) == 100ms);
  CHECK(doubled(100ms, 1, 5000ms) == 200ms);
  CHECK(doubled(100ms, 5, 5000ms) == 3200ms);
  CHECK(doubled(100ms, 6, 5000ms) == 5000ms);
  CHECK(doubled(100ms, 4'000'000'000U, 5000ms) == 5000ms);
  CHECK(doubled(100ms, 0, 50ms) == 50ms);
}

}  // namespace
}  // namespace mtp::actors
