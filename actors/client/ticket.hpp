// A client's share of the limits: taken when it comes, given back at its end, however it ends.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <utility>

namespace mtp::actors {

/// How much of a limit is used now, for example the connections of a port. Any thread may use it.
using tally = std::atomic<std::size_t>;

/// Counts one in each of its tallies, until its end. It belongs to one thread at a time; the
/// tallies must outlive it.
class ticket {
 public:
  /// A port's tally, and one more for another limit of admission. Each costs every client memory.
  static constexpr std::size_t max_tallies = 2;

  ticket() = default;
  explicit ticket(tally& first) noexcept { take(first); }
  ticket(ticket&& other) noexcept : taken_{std::exchange(other.taken_, {})} {}
  /// The tallies that it had before are given back at once.
  ticket& operator=(ticket other) noexcept {
    taken_.swap(other.taken_);
    return *this;
  }
  ticket(const ticket&) = delete;
  ~ticket() { release(); }

  /// Counts in `more` too. It must have taken fewer than `max_tallies`.
  void take(tally& more) noexcept {
    *std::ranges::find(taken_, nullptr) = &more;
    ++more;
  }
  /// Gives everything back.
  void release() noexcept {
    for (auto* const counter : std::exchange(taken_, {}))
      if (counter != nullptr) --*counter;
  }

 private:
  std::array<tally*, max_tallies> taken_{};
};

static_assert(sizeof(ticket) <= 64);

}  // namespace mtp::actors
