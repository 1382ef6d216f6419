// What a process has used, read from outside.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace mtp::bench {

/// CPU time of all its threads, those that ended included, user and system: the scheduler's own
/// account, in nanoseconds. Throws if there is no such process.
[[nodiscard]] std::chrono::nanoseconds cpu_time(pid_t pid);

struct thread_usage {
  pid_t id = 0;
  /// Not unique: threads have their process's until they are given one.
  std::string name;
  /// User and system, by /proc/PID/task/ID/stat: in clock ticks, mostly of 10 ms.
  std::chrono::nanoseconds cpu{0};
};
/// The threads that a process has now. Throws if there is no such process.
[[nodiscard]] std::vector<thread_usage> threads_of(pid_t pid);

/// CPU time of everything that has run on all the machine's processors, by /proc/stat, in clock
/// ticks. Throws if it can't be read.
[[nodiscard]] std::chrono::nanoseconds machine_cpu_time();

/// Bytes of memory, of /proc/PID/smaps_rollup.
struct memory_usage {
  std::size_t resident = 0;
  /// What no other process shares.
  std::size_t own = 0;
};
/// Throws if it can't be read.
[[nodiscard]] memory_usage memory_of(pid_t pid);

}  // namespace mtp::bench
