// Fingerprints of handshakes seen, so that a replayed handshake is recognised. client_conns use the
// table directly; the replay_sweeper actor keeps it within its bounds.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "actors/core/replay_slots.hpp"
#include "codecs/client/replay_record.hpp"

namespace mtp::actors {

/// Any thread may use it: 256 parts, each with its lock, and a table with open addressing in each.
class replay_cache {
 public:
  /// Seconds since the epoch; passed in, so that tests need not wait.
  using unix_seconds = std::int64_t;

  static constexpr std::size_t part_count = 256;
  /// The most memory that an item takes in a table that has grown: of its slots, 7 of 16 are taken.
  static constexpr std::size_t bytes_per_item = 37;

  /// Remembers a handshake. True if it was not known; else it counts as used at the later time.
  bool add(const replay_record& handshake);

  [[nodiscard]] std::size_t size() const;
  /// Bytes of its tables.
  [[nodiscard]] std::size_t memory() const;
  /// Seconds at which the item unused for longest was used last; `now` if there is none.
  [[nodiscard]] unix_seconds oldest(unix_seconds now) const;
  /// Appends the items of a part (below `part_count`), in no order.
  void copy_part(std::size_t index, std::vector<replay_record>& into) const;

  /// Evicts the items that were not used since `cut`, lasting ones since `lasting_cut`. Returns how
  /// many.
  std::size_t remove_older(unix_seconds cut, unix_seconds lasting_cut);
  struct removal {
    std::size_t items = 0;
    /// All items that were used before have gone.
    unix_seconds cut = 0;
  };
  /// Evicts about `count` items, those unused for longest, by whole steps of 10 s.
  removal remove_oldest(std::size_t count, unix_seconds now);

 private:
  /// A handshake in a table.
  struct slot {
    std::uint64_t begin = 0;
    std::uint32_t end : 31 = 0;
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

  [[nodiscard]] static slot slot_of(const replay_record& handshake) noexcept;
  template <class Predicate>
  std::size_t remove_if(Predicate&& goes);
  template <class Function>
  void for_each(Function&& function) const;

  std::array<replay_slots<slot>, part_count> parts_;
  replay_salt salt_;
};

}  // namespace mtp::actors
