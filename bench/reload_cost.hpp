// What a reload takes, and how long it keeps clients waiting.
#pragma once

#include <string>
#include <vector>

#include "bench/servers.hpp"

namespace mtp::bench {

inline constexpr auto reload_line = "reload of 50 ports";

/// Milliseconds.
struct reload_cost {
  /// The command `mtproto-proxy reload`, each time: 50 ports are added, have their secrets changed,
  /// and are removed.
  std::vector<double> commands;
  /// The longest round trip of a client of another port: in each reload, and in as much time with
  /// none. One reactor serves everything.
  std::vector<double> waits;
  std::vector<double> waits_at_rest;
};

/// Starts `program` in `directory`. Throws std::runtime_error.
[[nodiscard]] reload_cost measure_reload(const std::string& program, const stand_in& telegram,
                                         const std::filesystem::path& directory);

}  // namespace mtp::bench
