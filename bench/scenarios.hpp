// What `make bench` measures: runs of the load generator, and what is read from their reports.
#pragma once

#include <string>
#include <vector>

namespace mtp::bench {

/// A line of the table.
struct measure {
  std::string name;
  /// What the report calls it.
  std::string key;
  std::string unit;
};

struct scenario {
  std::string protocol;
  /// The load generator's mode and its options.
  std::vector<std::string> load;
  /// Memory is compared with that of a process that has served next to nothing.
  bool fresh_process = false;
  std::vector<measure> measures;
};

/// All of them, for dd and ee each. Measures' names are unique.
[[nodiscard]] std::vector<scenario> all_scenarios();

}  // namespace mtp::bench
