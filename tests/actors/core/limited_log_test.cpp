// What comes as often as a peer likes is a few lines and a count.
#include "actors/core/limited_log.hpp"

#include <doctest/doctest.h>

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

struct fixture {
  limited_log log{1};
  limited_log::time_point now{1h};
};

TEST_CASE_FIXTURE(fixture, "limited log: at once, then after a minute with a count") {
  CHECK(log.tell("a", now) == "a");
  CHECK_FALSE(log.tell("a", now + 30s));
  CHECK_FALSE(log.tell("a", now + 59s));
  CHECK(log.tell("a", now + 60s) == "a (2 more since the last line)");
  CHECK_FALSE(log.tell("a", now + 119s));
  CHECK(log.tell("a", now + 150s) == "a (1 more since the last line)");
  // Nothing was left out.
  CHECK(log.tell("a", now + 210s) == "a");
}

TEST_CASE_FIXTURE(fixture, "limited log: each text by itself") {
  CHECK(log.tell("a", now) == "a");
  CHECK(log.tell("b", now + 1s) == "b");
  CHECK_FALSE(log.tell("a", now + 2s));
  CHECK_FALSE(log.tell("b", now + 60s));
  CHECK(log.tell("a", now + 60s) == "a (1 more since the last line)");
}

TEST_CASE_FIXTURE(fixture, "limited log: after a long silence a text is new") {
  CHECK(log.tell("a", now) == "a");
  CHECK_FALSE(log.tell("a", now + 1s));
  CHECK(log.tell("a", now + 10min) == "a");
}

TEST_CASE_FIXTURE(fixture, "limited log: texts that are made up share a line") {
  std::size_t lines = 0;
  for (int i = 0; i < 10'000; ++i)
    lines += log.tell("made up " + std::to_string(i), now).has_value() ? 1 : 0;
  CHECK(lines == 64);
  // Those it knows are told by themselves still.
  CHECK_FALSE(log.tell("made up 3", now + 59s));
  CHECK(log.tell("made up 3", now + 1min) == "made up 3 (1 more since the last line)");
  CHECK(log.tell("and another", now + 1min) ==
        "and another (9936 more since the last line, others among them)");
}

TEST_CASE("limited log: a key may have several lines a minute, of any text") {
  limited_log log{3};
  const limited_log::time_point now{1h};
  CHECK(log.tell("front1", "it comes", now) == "it comes");
  CHECK(log.tell("front1", "it goes", now) == "it goes");
  CHECK(log.tell("front1", "it comes", now + 20s) == "it comes");
  CHECK_FALSE(log.tell("front1", "it goes", now + 30s));
  CHECK_FALSE(log.tell("front1", "it comes", now + 59s));
  // Others are not concerned.
  CHECK(log.tell("front2", "it comes", now + 59s) == "it comes");
  CHECK(log.tell("front1", "it goes", now + 60s) ==
        "it goes (2 more since the last line, others among them)");
  CHECK(log.tell("front1", "it comes", now + 60s) == "it comes");
}

}  // namespace
}  // namespace mtp::actors
