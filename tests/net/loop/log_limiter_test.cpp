// Of what happens as often as it likes, a line now and then, and a count.
#include "net/loop/log_limiter.hpp"

#include <doctest/doctest.h>

#include "tests/support/property.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

const log_limiter::time_point start{1h};

TEST_CASE("log limiter: a line at once, then one per interval that says how many were left out") {
  log_limiter log{10s};
  CHECK(log.admit(start) == 0);
  CHECK_FALSE(log.admit(start));
  CHECK_FALSE(log.admit(start + 9'999ms));
  CHECK(log.admit(start + 10s) == 2);
  CHECK_FALSE(log.admit(start + 19s));
  CHECK(log.admit(start + 25s) == 1);
  // The interval begins with its first line, not where the one before ended.
  CHECK_FALSE(log.admit(start + 34s));
  CHECK(log.admit(start + 35s) == 1);
  CHECK(log.admit(start + 1h) == 0);
}

TEST_CASE("log limiter: several lines per interval") {
  log_limiter log{1min, 3};
  for (int i = 0; i < 3; ++i)
    CHECK(log.admit(start + 20s * i) == 0);
  CHECK_FALSE(log.admit(start + 59s));
  CHECK(log.admit(start + 60s) == 1);
  CHECK(log.admit(start + 61s) == 0);
}

TEST_CASE("log limiter: the rest can be told without a new line, and counts as one") {
  log_limiter log{10s};
  CHECK(log.take_left_out(start) == 0);
  CHECK(log.admit(start) == 0);
  CHECK(log.take_left_out(start + 1s) == 0);
  CHECK_FALSE(log.admit(start + 2s));
  CHECK_FALSE(log.admit(start + 3s));
  CHECK(log.take_left_out(start + 10s) == 2);
  CHECK_FALSE(log.admit(start + 19s));
  CHECK(log.admit(start + 20s) == 1);
}

TEST_CASE("log limiter: after a reset the next line is a new one") {
  log_limiter log{24h};
  CHECK_FALSE(log.begin());
  CHECK(log.admit(start) == 0);
  CHECK_FALSE(log.admit(start + 1s));
  CHECK(log.begin() == start);
  log.reset();
  CHECK(log.admit(start + 2s) == 0);
  CHECK(log.begin() == start + 2s);
}

TEST_CASE("log limiter: whatever happens, every line is logged or counted, and few are logged") {
  test::check_property([] {
    const auto burst = *rc::gen::inRange<std::size_t>(1, 4);
    log_limiter log{10s, burst};
    auto now = start;
    std::vector<log_limiter::time_point> logged;
    std::size_t counted = 0;
    const auto total = *rc::gen::inRange<std::size_t>(1, 60);
    for (std::size_t i = 0; i < total; ++i) {
      now += std::chrono::milliseconds{*rc::gen::inRange(0, 6000)};
      const auto left_out = log.admit(now);
      if (!left_out) continue;
      counted += *left_out;
      logged.push_back(now);
    }
    counted += log.take_left_out(now);
    RC_ASSERT(logged.size() + counted == total);
    // Two intervals may meet within any ten seconds.
    for (std::size_t i = 2 * burst; i < logged.size(); ++i)
      RC_ASSERT(logged[i] - logged[i - 2 * burst] >= 10s);
  });
}

TEST_CASE("log limiter: how many were left out, as text") {
  CHECK(describe_left_out(0).empty());
  CHECK(describe_left_out(0, true).empty());
  CHECK(describe_left_out(3) == " (3 more since the last line)");
  CHECK(describe_left_out(3, true) == " (3 more since the last line, others among them)");
}

}  // namespace
}  // namespace mtp::net
