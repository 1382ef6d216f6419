// Values of repeated runs.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "bench/run_load.hpp"

namespace mtp::bench {

struct spread {
  double median = 0;
  double smallest = 0;
  double largest = 0;
};

/// Of an even number of values the median is the upper one of the two in the middle. `values` is
/// not empty.
[[nodiscard]] inline spread spread_of(std::vector<double> values) {
  std::ranges::sort(values);
  return {
      .median = values[values.size() / 2], .smallest = values.front(), .largest = values.back()};
}

/// Of one value of each report; throws std::out_of_range if one does not have it.
[[nodiscard]] inline spread spread_of(const std::vector<report>& reports, const std::string& key) {
  std::vector<double> values;
  for (const auto& run : reports)
    values.push_back(run.values.at(key));
  return spread_of(std::move(values));
}

}  // namespace mtp::bench
