// When an endpoint that failed is tried again.
#include "actors/core/endpoint_backoff.hpp"

#include <doctest/doctest.h>

#include <map>

#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

constexpr endpoint_backoff::time_point start{};

std::vector<endpoint_candidate> candidates(std::size_t count) {
  std::vector<endpoint_candidate> candidates;
  for (std::size_t i = 0; i < count; ++i)
    candidates.push_back(
        {.at = {.ip = ip_address::v4({10, 0, 0, static_cast<std::uint8_t>(i + 1)}), .port = 8888}});
  return candidates;
}

TEST_CASE("back-off: rests double up to the cap, with jitter on top") {
  for (const double jitter : {0.0, 0.999}) {
    endpoint_backoff backoff{[=] { return jitter; }};
    const auto at = candidates(1)[0].at;
    std::vector<int> seconds;
    for (int i = 0; i < 8; ++i)
      seconds.push_back(static_cast<int>(
          std::chrono::duration_cast<std::chrono::seconds>(backoff.failed(at, start) - start)
              .count()));
    if (jitter == 0)
      CHECK(seconds == std::vector{1, 2, 4, 8, 16, 30, 30, 30});
    else
      CHECK(seconds == std::vector{1, 2, 5, 11, 23, 44, 44, 44});
    backoff.succeeded(at);
    CHECK(backoff.failed(at, start) < start + 2s);
  }
}

TEST_CASE(
    "back-off: a failing endpoint rests, is tried by one connection at a time, and is forgiven") {
  endpoint_backoff backoff{[] { return 0.0; }};
  auto all = candidates(2);
  backoff.failed(all[0].at, start);
  CHECK(backoff.choose(all, start) == all[1].at);
  backoff.failed(all[1].at, start);
  CHECK_FALSE(backoff.choose(all, start));
  CHECK(backoff.next_chance(all, start) == start + 1s);
  CHECK(backoff.choose(all, start + 1s) == all[0].at);
  all[0].pending = 1;
  CHECK(backoff.choose(all, start + 1s) == all[1].at);
  all[1].pending = 1;
  CHECK_FALSE(backoff.choose(all, start + 1s));
  CHECK(backoff.choose(all, start + 2min));
}

TEST_CASE("back-off: whatever happens, an endpoint that fails is not tried twice within a second") {
  test::check_property([] {
    endpoint_backoff backoff{[] { return 0.5; }};
    const auto all = candidates(3);
    std::map<endpoint, endpoint_backoff::time_point> failed_at;
    auto now = start;
    for (int i = 0; i < 50; ++i) {
      now += std::chrono::milliseconds{*rc::gen::inRange(0, 2000)};
      const auto chosen = backoff.choose(all, now);
      if (!chosen) {
        RC_ASSERT(backoff.next_chance(all, now) > now);
        continue;
      }
      if (failed_at.contains(*chosen)) RC_ASSERT(now - failed_at[*chosen] >= 1s);
      if (*rc::gen::arbitrary<bool>()) {
        backoff.failed(*chosen, now);
        failed_at[*chosen] = now;
      } else {
        backoff.succeeded(*chosen);
        failed_at.erase(*chosen);
      }
    }
  });
}

}  // namespace
}  // namespace mtp::actors
