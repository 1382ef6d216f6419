// How much one link between a front and a back carries, and what stops it.
#pragma once

#include <string>
#include <vector>

#include "bench/run_load.hpp"
#include "bench/spread.hpp"

namespace mtp::bench {

/// Load that is more than can be carried.
struct ceiling {
  std::string name;
  /// The load generator's mode and its options; with dd, as a client's fake TLS is not the link's.
  std::vector<std::string> load;
  /// The count in a report whose rate per second is shown, in `unit`: requests, or bytes.
  std::string key;
  std::string unit;
  /// Units of `key` in one of `unit`.
  double scale = 1;
};

[[nodiscard]] std::vector<ceiling> all_ceilings();

/// The share of a core, in percent, that a thread used.
struct named_share {
  std::string process;
  std::string thread;
  double percent = 0;
};

/// How busy threads and processors were in a run.
struct saturation {
  /// Of all processes that took part, the nodes "front" and "back" among them.
  std::vector<named_share> threads;
  /// Percent of a core, of all programs that ran, ours or not.
  double machine = 0;
  unsigned cores = 1;
};

/// CPU of each process and of its busiest threads, on one line.
[[nodiscard]] std::string usage_line(const saturation& seen);
/// The bottleneck: a thread, the machine, or neither. Unless it is a thread of the nodes, also
/// how much more the nodes could carry at the same cost per message.
[[nodiscard]] std::string what_stops(const saturation& seen);

/// The rate of each run, in `unit`.
[[nodiscard]] std::vector<double> rates_of(const ceiling& measured,
                                           const std::vector<report>& runs);

}  // namespace mtp::bench
