#include "actors/core/memory_ledger.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace mtp::actors {

void memory_ledger::open(std::size_t reactors, std::size_t budget) {
  cells_.resize(reactors);
  budget_ = budget;
  // The rest is for what is not counted: code, tables, idle clients, and free memory that the
  // allocator keeps.
  const auto all = static_cast<std::int64_t>(budget);
  hard_mark_ = all / 8 * 3;
  soft_mark_ = hard_mark_ / 8 * 7;
  low_mark_ = hard_mark_ / 4 * 3;
  transit_mark_ = all / 8;
}

void memory_ledger::report(cell& from, std::int64_t unreported) noexcept {
  from.reported += unreported;
  shared_.reported.fetch_add(unreported, std::memory_order_relaxed);
  if (unreported > 0 && from.watcher != nullptr && pressure() != memory_pressure::none)
    from.watcher->on_pressure();
}

std::int64_t memory_ledger::held_in_cells() const noexcept {
  std::int64_t sum = 0;
  for (const auto& share : cells_)
    sum += share.held.load(std::memory_order_relaxed);
  return sum;
}

std::size_t memory_ledger::held() const noexcept {
  return static_cast<std::size_t>(std::max<std::int64_t>(
      held_in_cells() + shared_.in_transit.load(std::memory_order_relaxed), 0));
}

std::size_t memory_ledger::held_by(unsigned reactor) const noexcept {
  return static_cast<std::size_t>(
      std::max<std::int64_t>(cells_[reactor].held.load(std::memory_order_relaxed), 0));
}

std::size_t memory_ledger::surplus_of(unsigned reactor) const noexcept {
  const auto all = static_cast<double>(held());
  const auto low = static_cast<double>(low_mark_);
  if (all <= low) return 0;
  // What is in transit can't be given back: others give more for it.
  const auto in_cells = std::max(static_cast<double>(held_in_cells()), 1.0);
  return static_cast<std::size_t>(static_cast<double>(held_by(reactor)) *
                                  std::min((all - low) / in_cells, 1.0));
}

std::size_t resident_memory() {
  std::ifstream in{"/proc/self/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  in >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

metrics::gauge_values memory_values(const memory_ledger& of, std::size_t replays) {
  const auto value = [](const char* kind, std::size_t bytes) {
    return std::pair{metric_labels{{"kind", kind}}, static_cast<double>(bytes)};
  };
  return {value("held", of.held()), value("transit", of.in_transit()),
          value("resident", resident_memory()), value("budget", of.budget()),
          value("replays", replays)};
}

}  // namespace mtp::actors
