#include "bench/load_report.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mtp::bench {

namespace {

double seconds(std::chrono::nanoseconds span) {
  return std::chrono::duration<double>{span}.count();
}

}  // namespace

void load_report::begin() {
  began_ = true;
  from_ = load_clock::now();
  if (pid_) cpu_from_ = cpu_time(*pid_);
}

void load_report::end() {
  to_ = load_clock::now();
  if (pid_) cpu_to_ = cpu_time(*pid_);
}

void load_report::add(std::chrono::nanoseconds latency, std::size_t bytes) {
  constexpr std::chrono::nanoseconds longest{UINT32_MAX};
  latencies_.push_back(static_cast<std::uint32_t>(std::min(latency, longest).count()));
  bytes_ += bytes;
}

void load_report::note_memory_before() {
  if (pid_) memory_before_ = memory_of(*pid_);
}

void load_report::note_memory_after(std::size_t clients) {
  if (pid_) memory_after_ = memory_of(*pid_);
  memory_clients_ = clients;
}

double load_report::latency_us(double quantile) {
  if (latencies_.empty()) return 0;
  const auto rank = static_cast<std::ptrdiff_t>(static_cast<double>(latencies_.size()) * quantile);
  std::ranges::nth_element(latencies_, latencies_.begin() + rank);
  return latencies_[static_cast<std::size_t>(rank)] / 1e3;
}

std::string load_report::text() {
  const double wall = seconds(to_ - from_);
  auto out = fmt::format("requests={} bytes={} seconds={:.3f} p50_us={:.1f} p99_us={:.1f}",
                         requests(), bytes_, wall, latency_us(0.5), latency_us(0.99));
  if (!pid_) return out;
  const double cpu = seconds(cpu_to_ - cpu_from_);
  out += fmt::format(" cpu_seconds={:.6f} cpu_percent={:.3f} rss_mb={:.1f}", cpu, 100 * cpu / wall,
                     static_cast<double>(memory_of(*pid_).resident) / 1e6);
  if (requests() > 0)
    out += fmt::format(" cpu_us_per_request={:.3f} cpu_s_per_gb={:.4f}",
                       1e6 * cpu / static_cast<double>(requests()),
                       1e9 * cpu / static_cast<double>(bytes_));
  if (memory_clients_ > 0) {
    const auto grown =
        static_cast<double>(memory_after_.own) - static_cast<double>(memory_before_.own);
    out +=
        fmt::format(" kb_per_client={:.3f}", grown / 1024 / static_cast<double>(memory_clients_));
  }
  return out;
}

}  // namespace mtp::bench
