// What a run of the load generator measured.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bench/answer_reader.hpp"
#include "bench/process_usage.hpp"

namespace mtp::bench {

class load_report {
 public:
  explicit load_report(std::optional<pid_t> pid) : pid_{pid} {}

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

  /// name=value, separated by blanks: requests, bytes, seconds; p50_us, p99_us; and with a process:
  /// cpu_seconds, cpu_us_per_request, cpu_s_per_gb (10^9 bytes), cpu_percent, kb_per_client (1024
  /// bytes of memory no other process shares), rss_mb.
  [[nodiscard]] std::string text();

 private:
  [[nodiscard]] double latency_us(double quantile);

  std::optional<pid_t> pid_;
  bool began_ = false;
  load_clock::time_point from_;
  load_clock::time_point to_;
  std::chrono::nanoseconds cpu_from_{0};
  std::chrono::nanoseconds cpu_to_{0};
  std::vector<std::uint32_t> latencies_;
  std::uint64_t bytes_ = 0;
  memory_usage memory_before_;
  memory_usage memory_after_;
  std::size_t memory_clients_ = 0;
};

}  // namespace mtp::bench
