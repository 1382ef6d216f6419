// What a process has used, read from outside.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>

namespace mtp::bench {

/// CPU time of all its threads, those that ended included, user and system: the scheduler's own
/// account, in nanoseconds. Throws if there is no such process.
[[nodiscard]] std::chrono::nanoseconds cpu_time(pid_t pid);

/// Bytes of memory, of /proc/PID/smaps_rollup.
struct memory_usage {
  std::size_t resident = 0;
  /// What no other process shares.
  std::size_t own = 0;
};
/// Throws if it can't be read.
[[nodiscard]] memory_usage memory_of(pid_t pid);

}  // namespace mtp::bench
