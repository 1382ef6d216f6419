// The table of a front and a back beside the same proxy in one process.
#pragma once

#include <optional>

#include "bench/scenarios.hpp"
#include "bench/spread.hpp"

namespace mtp::bench {

/// A line of it.
struct split_row {
  std::string name;
  std::string unit;
  spread both;
  /// Of both nodes together.
  spread split;
  /// The nodes' own shares, medians; nothing for what is not of a node, as latency.
  std::optional<double> front;
  std::optional<double> back;
  std::optional<split_bound> bound;
};

/// `both` and `split`: one report per run.
[[nodiscard]] split_row make_split_row(const split_measure& measure,
                                       const std::vector<report>& both,
                                       const std::vector<report>& split);

/// How a row keeps its bound, e.g. "2.31 of 2.5 x both: within"; empty if it has none.
[[nodiscard]] std::string bound_text(const split_row& row);

[[nodiscard]] std::string split_table(const std::vector<split_row>& rows);

}  // namespace mtp::bench
