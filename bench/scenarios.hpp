// What `make bench` measures: runs of the load generator, and what is read from their reports.
#pragma once

#include <optional>
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

/// How much split mode may take, provisionally.
struct split_bound {
  /// Both nodes together divided by one process; the difference of the two; or the back's share.
  enum class subject : std::uint8_t { ratio, added, back } of;
  double most = 0;
};

/// A line of the table of split mode.
struct split_measure {
  measure line;
  std::optional<split_bound> bound;
};

struct scenario {
  std::string protocol;
  /// The load generator's mode and its options.
  std::vector<std::string> load;
  /// Memory is compared with that of a process that has served next to nothing.
  bool fresh_process = false;
  std::vector<measure> measures;
  /// Empty: it is not run with a front and a back.
  std::vector<split_measure> split;
};

/// All of them, for dd and ee each. Lines' names are unique.
[[nodiscard]] std::vector<scenario> all_scenarios();

}  // namespace mtp::bench
