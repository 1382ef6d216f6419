// Counts the bytes that the process holds for clients: queued for them and for Telegram; packets of
// which only a part has come; and packets in transit, which are in a mailbox of another reactor
// that may be busy or not scheduled. Each reactor counts in a cell of its own. Reactors share a
// sum, to which they report every `report_step` bytes, and the count of bytes in transit.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "actors/core/metrics.hpp"
#include "codecs/base/byte_claim.hpp"

namespace mtp::actors {

/// How much of the memory budget is used.
enum class memory_pressure : std::uint8_t {
  none,
  /// No new clients; connected ones may send less at once.
  tight,
  /// The most buffered clients are closed.
  exhausted,
};

/// Is called, on its reactor's thread, when memory gets short.
class memory_watcher {
 public:
  virtual void on_pressure() = 0;

 protected:
  ~memory_watcher() = default;
};

class memory_ledger {
 public:
  /// For `reactors` reactors; `budget` is in bytes, of the whole process. Call once, before use.
  void open(std::size_t reactors, std::size_t budget);

  /// An actor on `reactor`, whose thread this is, holds `after` bytes instead of `before`.
  void change(unsigned reactor, std::size_t before, std::size_t after) noexcept {
    if (before == after) return;
    auto& mine = cells_[reactor];
    const auto held = mine.held.load(std::memory_order_relaxed) + static_cast<std::int64_t>(after) -
                      static_cast<std::int64_t>(before);
    mine.held.store(held, std::memory_order_relaxed);
    const auto unreported = held - mine.reported;
    if (unreported >= report_step || unreported <= -report_step) report(mine, unreported);
  }
  /// For a packet that is sent to another reactor: it is in transit while the claim lives. Inside a
  /// reactor mailboxes are empty at the end of each turn, or nearly.
  [[nodiscard]] byte_claim claim_transit(std::size_t size) noexcept {
    return {shared_.in_transit, size};
  }
  [[nodiscard]] std::size_t in_transit() const noexcept {
    return static_cast<std::size_t>(
        std::max<std::int64_t>(shared_.in_transit.load(std::memory_order_relaxed), 0));
  }
  /// Whether so much is in transit (an eighth of the budget) that nothing should be added. For a
  /// caller that has stopped `already`: until a quarter of it is gone.
  [[nodiscard]] bool transit_is_full(bool already) const noexcept {
    return shared_.in_transit.load(std::memory_order_relaxed) >
           (already ? transit_mark_ / 4 * 3 : transit_mark_);
  }
  /// Sets the watcher of `reactor`; null for none. That reactor's thread.
  void watch(unsigned reactor, memory_watcher* watcher) noexcept {
    cells_[reactor].watcher = watcher;
  }

  /// Any thread. Lags behind by less than `report_step` bytes per reactor.
  [[nodiscard]] memory_pressure pressure() const noexcept {
    const auto sum = shared_.reported.load(std::memory_order_relaxed) +
                     shared_.in_transit.load(std::memory_order_relaxed);
    if (sum < soft_mark_) return memory_pressure::none;
    return sum < hard_mark_ ? memory_pressure::tight : memory_pressure::exhausted;
  }
  /// Any thread. Includes bytes in transit, which no reactor counts.
  [[nodiscard]] std::size_t held() const noexcept;
  [[nodiscard]] std::size_t held_by(unsigned reactor) const noexcept;
  /// How many of the bytes that `reactor` holds have to go until memory is no longer short.
  [[nodiscard]] std::size_t surplus_of(unsigned reactor) const noexcept;
  [[nodiscard]] std::size_t budget() const noexcept { return budget_; }

  static constexpr std::int64_t report_step = std::int64_t{128} * 1024;

 private:
  struct alignas(64) cell {
    std::atomic<std::int64_t> held = 0;
    std::int64_t reported = 0;
    memory_watcher* watcher = nullptr;
  };
  /// Shared by the reactors, on a cache line of its own.
  struct alignas(64) shared_counts {
    std::atomic<std::int64_t> reported = 0;
    std::atomic<std::int64_t> in_transit = 0;
  };
  void report(cell& from, std::int64_t unreported) noexcept;
  [[nodiscard]] std::int64_t held_in_cells() const noexcept;

  std::deque<cell> cells_;
  std::size_t budget_ = 0;
  std::int64_t soft_mark_ = 0;
  std::int64_t hard_mark_ = 0;
  /// Clients are closed until less than this is held.
  std::int64_t low_mark_ = 0;
  std::int64_t transit_mark_ = 0;
  shared_counts shared_;
};

/// Bytes of memory that the process has now, as the kernel counts them; 0 if it does not tell.
[[nodiscard]] std::size_t resident_memory();

/// For metrics: bytes held for clients, of these in transit, resident, the budget, and remembered
/// handshakes.
[[nodiscard]] metrics::gauge_values memory_values(const memory_ledger& of, std::size_t replays);

}  // namespace mtp::actors
