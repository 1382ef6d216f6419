#include "bench/load_report.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

namespace mtp::bench {

namespace {

double seconds(std::chrono::nanoseconds span) {
  return std::chrono::duration<double>{span}.count();
}

}  // namespace

load_report::load_report(std::vector<pid_t> processes, std::vector<pid_t> watched)
    : processes_{std::move(processes)}, watched_{std::move(watched)} {
  if (!watched_.empty()) watched_.push_back(::getpid());
}

std::vector<std::chrono::nanoseconds> load_report::read_cpu() const {
  std::vector<std::chrono::nanoseconds> times;
  for (const auto pid : processes_)
    times.push_back(cpu_time(pid));
  return times;
}

std::vector<memory_usage> load_report::read_memory() const {
  std::vector<memory_usage> usages;
  for (const auto pid : processes_)
    usages.push_back(memory_of(pid));
  return usages;
}

load_report::watched_threads load_report::read_threads() const {
  watched_threads seen;
  if (watched_.empty()) return seen;
  seen.machine = machine_cpu_time();
  for (const auto pid : watched_)
    seen.of.push_back(threads_of(pid));
  return seen;
}

void load_report::begin() {
  began_ = true;
  threads_from_ = read_threads();
  from_ = load_clock::now();
  cpu_from_ = read_cpu();
}

void load_report::end() {
  to_ = load_clock::now();
  cpu_to_ = read_cpu();
  threads_to_ = read_threads();
}

void load_report::add(std::chrono::nanoseconds latency, std::size_t bytes) {
  constexpr std::chrono::nanoseconds longest{UINT32_MAX};
  latencies_.push_back(static_cast<std::uint32_t>(std::min(latency, longest).count()));
  bytes_ += bytes;
}

void load_report::note_memory_before() {
  memory_before_ = read_memory();
}

void load_report::note_memory_after(std::size_t clients) {
  memory_after_ = read_memory();
  memory_clients_ = clients;
}

double load_report::latency_us(double quantile) {
  if (latencies_.empty()) return 0;
  const auto rank = static_cast<std::ptrdiff_t>(static_cast<double>(latencies_.size()) * quantile);
  std::ranges::nth_element(latencies_, latencies_.begin() + rank);
  return latencies_[static_cast<std::size_t>(rank)] / 1e3;
}

double load_report::wall_seconds() const {
  return seconds(to_ - from_);
}

std::string load_report::usage_text(std::size_t first, std::size_t last,
                                    const std::string& suffix) const {
  double cpu = 0;
  double resident = 0;
  double grown = 0;
  for (auto i = first; i < last; ++i) {
    cpu += seconds(cpu_to_[i] - cpu_from_[i]);
    resident += static_cast<double>(memory_of(processes_[i]).resident);
    if (memory_clients_ > 0)
      grown +=
          static_cast<double>(memory_after_[i].own) - static_cast<double>(memory_before_[i].own);
  }
  std::string text;
  const auto add = [&](const char* name, double value) {
    text += fmt::format(" {}{}={:.6f}", name, suffix, value);
  };
  add("cpu_seconds", cpu);
  add("cpu_percent", 100 * cpu / wall_seconds());
  add("rss_mb", resident / 1e6);
  if (requests() > 0) {
    add("cpu_us_per_request", 1e6 * cpu / static_cast<double>(requests()));
    add("cpu_s_per_gb", 1e9 * cpu / static_cast<double>(bytes_));
  }
  if (memory_clients_ > 0)
    add("kb_per_client", grown / 1024 / static_cast<double>(memory_clients_));
  return text;
}

std::string load_report::threads_text() const {
  std::string text;
  for (std::size_t i = 0; i < watched_.size(); ++i) {
    const auto& before = threads_from_.of[i];
    for (const auto& now : threads_to_.of[i]) {
      const auto same = std::ranges::find(before, now.id, &thread_usage::id);
      const auto since = same == before.end() ? std::chrono::nanoseconds{0} : same->cpu;
      text += fmt::format("\nthread {} {:.2f} {}", watched_[i],
                          100 * seconds(now.cpu - since) / wall_seconds(), now.name);
    }
  }
  return text;
}

std::string load_report::text() {
  auto text = fmt::format("requests={} bytes={} seconds={:.3f} p50_us={:.1f} p99_us={:.1f}",
                          requests(), bytes_, wall_seconds(), latency_us(0.5), latency_us(0.99));
  if (!processes_.empty()) text += usage_text(0, processes_.size(), "");
  if (processes_.size() > 1)
    for (std::size_t i = 0; i < processes_.size(); ++i)
      text += usage_text(i, i + 1, "." + std::to_string(i + 1));
  if (watched_.empty()) return text;
  text += fmt::format(" machine_cpu_percent={:.2f}",
                      100 * seconds(threads_to_.machine - threads_from_.machine) / wall_seconds());
  return text + threads_text();
}

}  // namespace mtp::bench
