// The latest handshakes of a front, numbered, so that several readers can take them at their pace.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

namespace mtp::actors {

/// How many handshakes one has.
inline constexpr std::size_t seen_ring_size = 8192;

template <class Handshake>
class seen_ring {
 public:
  /// The number of a handshake: one more than that of the one before.
  using place = std::uint64_t;

  /// Forgets the oldest one if there are too many.
  void add(const Handshake& handshake) {
    if (kept_.size() == seen_ring_size) kept_.pop_front();
    kept_.push_back(handshake);
    ++end_;
  }
  /// Forgets all; their numbers are not used again.
  void clear() { kept_ = {}; }

  [[nodiscard]] std::size_t size() const noexcept { return kept_.size(); }
  [[nodiscard]] place begin() const noexcept { return end_ - kept_.size(); }

  struct piece {
    std::vector<Handshake> handshakes;
    /// Where to go on.
    place next = 0;
    /// Handshakes from the wanted place on that are forgotten already.
    std::size_t missed = 0;
  };
  /// At most `most` handshakes, from `at` on.
  [[nodiscard]] piece read(place at, std::size_t most) const {
    const auto first = std::clamp(at, begin(), end_);
    const auto count = std::min<std::size_t>(most, end_ - first);
    const auto from = kept_.begin() + static_cast<std::ptrdiff_t>(first - begin());
    return {.handshakes = {from, from + static_cast<std::ptrdiff_t>(count)},
            .next = first + count,
            .missed = at < first ? first - at : 0};
  }

 private:
  std::deque<Handshake> kept_;
  place end_ = 0;
};

}  // namespace mtp::actors
