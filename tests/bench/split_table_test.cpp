#include "bench/split_table.hpp"

#include <doctest/doctest.h>

using namespace mtp::bench;

namespace {

using subject = split_bound::subject;

report with(report_values values) {
  return {.values = std::move(values), .threads = {}};
}

split_row row(std::optional<split_bound> bound) {
  const split_measure measure{.line = {.name = "line", .key = "cost", .unit = "us"},
                              .bound = bound};
  return make_split_row(measure, {with({{"cost", 10}}), with({{"cost", 90}}), with({{"cost", 9}})},
                        {with({{"cost", 24}, {"cost.1", 14}, {"cost.2", 10}}),
                         with({{"cost", 99}, {"cost.1", 15}, {"cost.2", 84}}),
                         with({{"cost", 23}, {"cost.1", 16}, {"cost.2", 7}})});
}

}  // namespace

TEST_CASE("a row has the medians of one process, of both nodes together and of each") {
  const auto got = row(std::nullopt);
  CHECK(got.both.median == 10);
  CHECK(got.split.median == 24);
  CHECK(got.split.smallest == 23);
  CHECK(got.split.largest == 99);
  CHECK(got.front == 15);
  CHECK(got.back == 10);
  CHECK(bound_text(got).empty());
}

TEST_CASE("bounds are about the ratio, what is added, or the back") {
  CHECK(bound_text(row(split_bound{.of = subject::ratio, .most = 2.5})) ==
        "2.40 of 2.5 x both: within");
  CHECK(bound_text(row(split_bound{.of = subject::ratio, .most = 2})) == "2.40 of 2 x both: over");
  CHECK(bound_text(row(split_bound{.of = subject::added, .most = 14})) ==
        "14.00 of 14 us added: within");
  CHECK(bound_text(row(split_bound{.of = subject::back, .most = 9})) ==
        "10.00 of 9 us on the back: over");
}

TEST_CASE("what is not of a node, as latency, has no shares") {
  const split_measure measure{.line = {.name = "line", .key = "p50_us", .unit = "us"}, .bound = {}};
  const auto got = make_split_row(measure, {with({{"p50_us", 1}})}, {with({{"p50_us", 2}})});
  CHECK_FALSE(got.front.has_value());
  CHECK_FALSE(got.back.has_value());
  CHECK(split_table({got}).find("2.00  us") != std::string::npos);
}
