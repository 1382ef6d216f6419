// Runs the load generator and reads its report.
#pragma once

#include <map>

#include "bench/servers.hpp"

namespace mtp::bench {

/// What the report calls its values (see load_report.hpp).
using report_values = std::map<std::string, double>;

/// CPU time of a thread while requests were measured, in percent of a core.
struct thread_share {
  pid_t process = 0;
  std::string name;
  double percent = 0;
};

struct report {
  report_values values;
  /// Of the processes that `--threads` named and of the generator.
  std::vector<thread_share> threads;
};

/// Of what the load generator printed.
[[nodiscard]] report parse_report(const std::string& text);

/// `load`: the generator's mode and its options. Throws std::runtime_error with what it said if it
/// found something wrong.
report run_load(const server& target, const std::string& protocol,
                const std::vector<std::string>& load, const std::filesystem::path& directory);

}  // namespace mtp::bench
