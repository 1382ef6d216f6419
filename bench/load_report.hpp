// What a run of the load generator measured.
#pragma once

#include <string>
#include <vector>

#include "bench/answer_reader.hpp"
#include "bench/process_usage.hpp"

namespace mtp::bench {

class load_report {
 public:
  /// `processes`: whose CPU time and memory are measured. `watched`: whose threads are told.
  load_report(std::vector<pid_t> processes, std::vector<pid_t> watched);

  /// Clocks, CPU time and memory from here on.
  void begin();
  void end();
  [[nodiscard]] bool began() const noexcept { return began_; }
  /// A request that was measured.
  void add(std::chrono::nanoseconds latency, std::size_t bytes);
  [[nodiscard]] std::uint64_t requests() const noexcept { return latencies_.size(); }

  /// Memory without a client, and with so many (idle).
  void note_memory_before();
  void note_memory_after(std::size_t clients);

  /// A line of name=value, separated by blanks: requests, bytes, seconds; p50_us, p99_us; and with
  /// processes: cpu_seconds, cpu_us_per_request, cpu_s_per_gb (10^9 bytes), cpu_percent,
  /// kb_per_client (1024 bytes of memory no other process shares), rss_mb. Of several processes
  /// these are sums, and each process's own have its place behind a dot: cpu_seconds.1.
  ///
  /// With watched processes also machine_cpu_percent, of one core, all programs' together; and a
  /// line "thread PID PERCENT NAME" for each thread of theirs and of ours.
  [[nodiscard]] std::string text();

 private:
  struct watched_threads {
    std::chrono::nanoseconds machine{0};
    /// Of `watched_`, each.
    std::vector<std::vector<thread_usage>> of;
  };

  [[nodiscard]] std::vector<std::chrono::nanoseconds> read_cpu() const;
  [[nodiscard]] std::vector<memory_usage> read_memory() const;
  [[nodiscard]] watched_threads read_threads() const;
  [[nodiscard]] double latency_us(double quantile);
  [[nodiscard]] double wall_seconds() const;
  /// Of the processes from `first` to before `last`.
  [[nodiscard]] std::string usage_text(std::size_t first, std::size_t last,
                                       const std::string& suffix) const;
  [[nodiscard]] std::string threads_text() const;

  std::vector<pid_t> processes_;
  std::vector<pid_t> watched_;
  bool began_ = false;
  load_clock::time_point from_;
  load_clock::time_point to_;
  std::vector<std::chrono::nanoseconds> cpu_from_;
  std::vector<std::chrono::nanoseconds> cpu_to_;
  watched_threads threads_from_;
  watched_threads threads_to_;
  std::vector<std::uint32_t> latencies_;
  std::uint64_t bytes_ = 0;
  std::vector<memory_usage> memory_before_;
  std::vector<memory_usage> memory_after_;
  std::size_t memory_clients_ = 0;
};

}  // namespace mtp::bench
