// What the machine makes of what the operator has set.
#pragma once

#include <string>
#include <vector>

#include "config/settings.hpp"

namespace mtp::app {

struct machine_limits {
  /// Bytes of memory that the process may take.
  std::size_t memory_budget = 0;
  /// Descriptors that it may have open.
  std::size_t open_files = 0;
};

/// `wanted` as it can be had: `max_connections` below what may be open, and the memory for replays
/// a part of the budget. `notes` gets a line for each option that is changed.
[[nodiscard]] config::settings effective_settings(config::settings wanted,
                                                  const machine_limits& limits,
                                                  std::vector<std::string>& notes);

}  // namespace mtp::app
