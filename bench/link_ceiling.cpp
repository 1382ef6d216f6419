#include "bench/link_ceiling.hpp"

#include <fmt/format.h>

#include <map>

namespace mtp::bench {

namespace {

/// From this share on a thread or a machine counts as busy all the time: the rest is waiting for
/// another thread to act first.
constexpr double full = 0.9;
/// Threads with less are not shown: percent of a core.
constexpr double worth_showing = 1;

ceiling bulk(const std::string& way) {
  return {.name = "split ceiling, " + way + ", parts of 512 KiB",
          .load = {way, "--connections", "16", "--outstanding", "4", "--bytes", "4000000000"},
          .key = "bytes",
          .unit = "GB/s",
          .scale = 1e9};
}

ceiling echoes(const std::string& size, const std::string& name) {
  return {.name = "split ceiling, echo " + name,
          .load = {"echo", "--connections", "1000", "--messages", "250000", "--size", size},
          .key = "requests",
          .unit = "messages/s"};
}

bool is_node(const named_share& share) {
  return share.process == "front" || share.process == "back";
}

bool is_reactor(const named_share& share) {
  return share.thread.starts_with("reactor.");
}

const named_share* busier(const named_share* so_far, const named_share& other) {
  return so_far == nullptr || other.percent > so_far->percent ? &other : so_far;
}

std::string times_this(const named_share& limit) {
  return fmt::format("{:.1f} times this (then {} of the {} is full)", 100 / limit.percent,
                     limit.thread, limit.process);
}

/// How far the nodes' threads are from being full. There is one reactor per core, so a machine with
/// more cores has more reactors, but no more of the other threads.
std::string nodes_reserve(const saturation& seen) {
  const named_share* busiest = nullptr;
  const named_share* only_one = nullptr;
  for (const auto& share : seen.threads) {
    if (!is_node(share) || share.percent < worth_showing) continue;
    busiest = busier(busiest, share);
    if (!is_reactor(share)) only_one = busier(only_one, share);
  }
  if (busiest == nullptr) return {};
  auto text = "; with a core for each of these threads, at most " + times_this(*busiest);
  if (only_one != nullptr && only_one != busiest)
    text += ", and with more reactors " + times_this(*only_one);
  return text;
}

}  // namespace

std::vector<ceiling> all_ceilings() {
  return {echoes("1024", "1 KiB"), echoes("64", "64 B"), bulk("down"), bulk("up")};
}

std::string usage_line(const saturation& seen) {
  std::map<std::string, std::vector<named_share>> processes;
  double ours = 0;
  for (const auto& share : seen.threads) {
    processes[share.process].push_back(share);
    ours += share.percent;
  }
  std::string text;
  for (auto& [name, threads] : processes) {
    std::ranges::sort(threads, std::greater{}, &named_share::percent);
    double sum = 0;
    std::string shown;
    for (const auto& share : threads) {
      sum += share.percent;
      if (share.percent >= worth_showing)
        shown +=
            fmt::format("{}{} {:.0f}%", shown.empty() ? "" : ", ", share.thread, share.percent);
    }
    text += fmt::format("{} {:.0f}% ({}); ", name, sum, shown);
  }
  return text + fmt::format("other programs and interrupts {:.0f}%; {} cores",
                            std::max(0.0, seen.machine - ours), seen.cores);
}

std::string what_stops(const saturation& seen) {
  std::string threads;
  bool generator_or_telegram = false;
  for (const auto& share : seen.threads) {
    if (share.percent < 100 * full) continue;
    threads +=
        fmt::format("{}{} of the {}", threads.empty() ? "" : ", ", share.thread, share.process);
    generator_or_telegram = generator_or_telegram || !is_node(share);
  }
  if (!threads.empty())
    return fmt::format("a thread that is busy all the time: {}{}", threads,
                       generator_or_telegram ? nodes_reserve(seen) : "");
  const auto busy = seen.machine / seen.cores;
  if (busy >= 100 * full)
    return fmt::format(
        "the machine: its {} cores are {:.0f}% busy, with the load generator and the "
        "stand-in among others{}",
        seen.cores, busy, nodes_reserve(seen));
  return fmt::format("no thread, nor the machine, which is {:.0f}% busy: each waits for another{}",
                     busy, nodes_reserve(seen));
}

std::vector<double> rates_of(const ceiling& measured, const std::vector<report>& runs) {
  std::vector<double> rates;
  for (const auto& run : runs)
    rates.push_back(run.values.at(measured.key) / run.values.at("seconds") / measured.scale);
  return rates;
}

}  // namespace mtp::bench
