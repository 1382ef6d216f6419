// Clients' clocks, and our own.
#include "actors/client/hello_clock.hpp"

#include <doctest/doctest.h>

#include "actors/core/own_clock.hpp"
#include "tests/support/captured_log.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t now = 1'800'000'000;

hello_clock told(std::int64_t clock, const config::hello_clock_settings& by = {}) {
  return judge_clock(static_cast<std::uint32_t>(clock), now, by);
}

TEST_CASE("hello clock: two minutes off, either way, and no more") {
  for (const auto off : {0, 1, -1, 119, -119, 120, -120})
    CHECK(told(now + off) == hello_clock::right);
  for (const auto off : {121, -121, 3600, -3600})
    CHECK(told(now + off) == hello_clock::wrong);
  CHECK(told(now + 600, {.window = 600s}) == hello_clock::right);
  CHECK(told(0xffff'ffff) == hello_clock::wrong);
}

TEST_CASE("hello clock: one that counts from its start, up to seven days") {
  constexpr std::int64_t week = 7 * 24 * 3600;
  for (const auto since : {std::int64_t{0}, std::int64_t{1}, week - 1}) {
    CHECK(told(since) == hello_clock::since_boot);
    CHECK(told(since, {.boot_clock = false}) == hello_clock::wrong);
  }
  CHECK(told(week) == hello_clock::wrong);
}

TEST_CASE("hello clock: all are let in with ignore_time_skew") {
  const config::hello_clock_settings all{.ignore_skew = true};
  CHECK(told(now, all) == hello_clock::right);
  CHECK(told(now - 86400, all) == hello_clock::right);
  CHECK(told(5, all) == hello_clock::since_boot);
}

TEST_CASE("hello clock: a handshake is remembered for longer than its hello can be used") {
  const config::hello_clock_settings by{.window = 600s};
  CHECK(least_replay_age(by) > 2 * by.window);
  CHECK(least_lasting_replay_age >= longest_boot_clock);
}

TEST_CASE("own clock: what is more than 30 s off is corrected, and told once") {
  const test::captured_log log;
  own_clock clock;
  // A second may pass meanwhile.
  const auto is_off = [&](std::int64_t by) {
    return std::abs(net::unix_time() - clock.unix_time() - by) <= 1;
  };
  clock.compare(29s, "example.com");
  CHECK(is_off(0));
  CHECK(log.text().empty());
  clock.compare(-90s, "example.com");
  CHECK(is_off(-90));
  CHECK(log.text().find("with that of example.com: this machine's is -") != std::string::npos);
  const auto size = log.text().size();
  clock.compare(-95s, "example.com");
  CHECK(is_off(-95));
  CHECK(log.text().size() == size);
  clock.compare(2s, "example.com");
  CHECK(is_off(0));
  CHECK(log.text().find("this machine's again") != std::string::npos);
}

TEST_CASE("own clock: others that do not agree do not count") {
  const test::captured_log log;
  own_clock clock;
  clock.compare(0s, "back a");
  clock.compare(600s, "back b");
  CHECK(clock.unix_time() == net::unix_time());
  clock.compare(605s, "back a");
  CHECK(std::abs(net::unix_time() - clock.unix_time() - 602) <= 2);
  for (int i = 0; i < 100; ++i)
    clock.compare(0s, std::to_string(i));
  CHECK(clock.unix_time() == net::unix_time());
}

}  // namespace
}  // namespace mtp::actors
