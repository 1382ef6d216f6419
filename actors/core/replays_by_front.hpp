// Handshakes that other fronts have seen. Each front has a quota: one that sends too many loses its
// own, never those of another one, even if both have seen the same.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "actors/core/replay_slots.hpp"
#include "codecs/client/replay_record.hpp"

namespace mtp::actors {

/// Any thread may use it: 256 parts, each with its lock, and a table with open addressing in each.
class replays_by_front {
 public:
  static constexpr std::size_t part_count = 256;
  static constexpr std::size_t max_fronts = 16;
  /// The most memory that an item takes in a table that has grown: of its slots, 7 of 16 are taken.
  static constexpr std::size_t bytes_per_item = 37;
  /// The number of a front, below `max_fronts`.
  using front = std::uint32_t;

  /// Remembers a handshake that this front has seen. A known one counts as used at the later time.
  /// Beyond `quota` the oldest of the same front are evicted. Each part has its share of the quota,
  /// so that it is reached a little earlier.
  void add(front from, const replay_record& handshake, std::size_t quota);
  /// Whether any front has seen it.
  [[nodiscard]] bool contains(const replay_fingerprint& fingerprint) const;

  /// How many handshakes of a front are remembered.
  [[nodiscard]] std::size_t size_of(front from) const;
  /// Bytes of its tables.
  [[nodiscard]] std::size_t memory() const;

  /// Evicts what was not used since `cut`, lasting handshakes since `lasting_cut`; then the oldest
  /// of each front that has more than `quota`.
  void clean(std::int64_t cut, std::int64_t lasting_cut, std::size_t quota);
  void clear();

 private:
  /// A handshake that a front has seen.
  struct slot {
    std::uint64_t begin = 0;
    std::uint32_t end : 27 = 0;
    std::uint32_t from : 4 = 0;
    std::uint32_t lasting : 1 = 0;
    /// Seconds since the epoch; 0: the slot is free.
    std::uint32_t used = 0;

    [[nodiscard]] bool is_free() const noexcept { return used == 0; }
    [[nodiscard]] bool is_same(const slot& other) const noexcept {
      return begin == other.begin && end == other.end;
    }
    [[nodiscard]] std::uint64_t place(const replay_salt& salt) const noexcept {
      return salt.place_of(begin, end);
    }
  };
  static_assert(sizeof(slot) == 16);

  struct part {
    replay_slots<slot> slots;
    /// Of each front.
    std::array<std::uint32_t, max_fronts> counts{};
  };

  [[nodiscard]] static slot slot_of(const replay_fingerprint& fingerprint) noexcept;
  template <class Predicate>
  void remove_if(part& of, Predicate&& goes);
  /// Evicts the oldest ones of a front, but for `keep`.
  void evict(part& of, front from, std::size_t keep);

  std::array<part, part_count> parts_;
  replay_salt salt_;
};

}  // namespace mtp::actors
