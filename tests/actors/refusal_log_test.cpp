// What comes again and again is a line now and then.
#include "actors/refusal_log.hpp"

#include <doctest/doctest.h>

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

struct fixture {
  refusal_log log;
  refusal_log::time_point now{1h};
};

TEST_CASE_FIXTURE(fixture, "refusal log: at once, then after a minute with a count") {
  CHECK(log.tell("a", now) == "a");
  CHECK_FALSE(log.tell("a", now + 30s));
  CHECK_FALSE(log.tell("a", now + 59s));
  CHECK(log.tell("a", now + 60s) == "a (3 since the last line, all the same)");
  CHECK_FALSE(log.tell("a", now + 119s));
  CHECK(log.tell("a", now + 150s) == "a (2 since the last line, all the same)");
}

TEST_CASE_FIXTURE(fixture, "refusal log: each text by itself") {
  CHECK(log.tell("a", now) == "a");
  CHECK(log.tell("b", now + 1s) == "b");
  CHECK_FALSE(log.tell("a", now + 2s));
  CHECK_FALSE(log.tell("b", now + 60s));
  CHECK(log.tell("a", now + 60s) == "a (2 since the last line, all the same)");
}

TEST_CASE_FIXTURE(fixture, "refusal log: after a long silence a text is new") {
  CHECK(log.tell("a", now) == "a");
  CHECK_FALSE(log.tell("a", now + 1s));
  CHECK(log.tell("a", now + 10min) == "a");
}

TEST_CASE_FIXTURE(fixture, "refusal log: texts that are made up share a line") {
  std::size_t lines = 0;
  for (int i = 0; i < 10'000; ++i)
    lines += log.tell("made up " + std::to_string(i), now).has_value() ? 1 : 0;
  CHECK(lines == 65);
  // Those it knows are told by themselves still.
  CHECK(log.tell("made up 3", now + 1min) == "made up 3 (1 since the last line, all the same)");
  CHECK(log.tell("and another", now + 1min) ==
        "and another (9936 since the last line, others among them)");
}

}  // namespace
}  // namespace mtp::actors
