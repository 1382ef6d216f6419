#include "bench/link_ceiling.hpp"

#include <doctest/doctest.h>

using namespace mtp::bench;

namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Two cores that are busy with everything, none of the threads all the time.
saturation crowded() {
  return {.threads = {{.process = "front", .thread = "reactor.0", .percent = 50},
                      {.process = "front", .thread = "caf.multiplexer", .percent = 25},
                      {.process = "back", .thread = "caf.multiplexer", .percent = 20},
                      {.process = "back", .thread = "caf.clock", .percent = 0.2},
                      {.process = "load generator", .thread = "load_generator", .percent = 80}},
          .machine = 195,
          .cores = 2};
}

}  // namespace

TEST_CASE("a full thread of a node is what stops a link, and nothing is said of more") {
  auto seen = crowded();
  seen.threads[1].percent = 97;
  CHECK(what_stops(seen) == "a thread that is busy all the time: caf.multiplexer of the front");
}

TEST_CASE("a full load generator is said to be one, with what the nodes have left") {
  auto seen = crowded();
  seen.threads[4].percent = 97;
  const auto text = what_stops(seen);
  CHECK(has(text, "load_generator of the load generator"));
  CHECK(has(text, "at most 2.0 times this (then reactor.0 of the front is full)"));
}

TEST_CASE("a full machine is named, with what more cores could give") {
  const auto text = what_stops(crowded());
  CHECK(has(text, "the machine: its 2 cores are 98% busy"));
  CHECK(has(text, "at most 2.0 times this (then reactor.0 of the front is full)"));
  CHECK(has(text, "with more reactors 4.0 times this (then caf.multiplexer of the front is full)"));
}

TEST_CASE("if nothing is full, nobody is blamed") {
  auto seen = crowded();
  seen.machine = 120;
  CHECK(has(what_stops(seen), "no thread, nor the machine, which is 60% busy"));
}

TEST_CASE("CPU is added up a process, and what other programs had is told") {
  const auto text = usage_line(crowded());
  CHECK(has(text, "front 75% (reactor.0 50%, caf.multiplexer 25%)"));
  CHECK(has(text, "back 20% (caf.multiplexer 20%)"));
  CHECK(has(text, "other programs and interrupts 20%; 2 cores"));
}

TEST_CASE("a rate is what was counted in a second, in its unit") {
  const ceiling bytes{.name = {}, .load = {}, .key = "bytes", .unit = "GB/s", .scale = 1e9};
  const report run{.values = {{"bytes", 3e9}, {"seconds", 2}}, .threads = {}};
  CHECK(rates_of(bytes, {run}) == std::vector<double>{1.5});
}
