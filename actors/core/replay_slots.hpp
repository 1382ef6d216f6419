// What tables of handshakes have in common: open addressing, in parts with a lock each.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "codecs/base/bytes.hpp"
#include "net/loop/entropy.hpp"

namespace mtp::actors {

/// Spreads handshakes over a table. Known to nobody: who knows the secret of a port can make
/// handshakes with any fingerprint, but can't aim for a place.
class replay_salt {
 public:
  replay_salt() {
    for (auto& word : words_)
      word = load_le<std::uint64_t>(net::random_array<sizeof word>()) | 1;
  }
  /// `begin` and `end` of a fingerprint. The highest bits choose a part, the lowest ones a slot.
  [[nodiscard]] std::uint64_t place_of(std::uint64_t begin, std::uint32_t end) const noexcept {
    auto place = (begin ^ words_[0]) * words_[1];
    place = (place ^ place >> 32 ^ end) * words_[2];
    return place ^ place >> 32;
  }

 private:
  std::array<std::uint64_t, 3> words_{};
};

/// A part of a table. Its user takes the lock. A `Slot` has `is_free()` and `place(salt)`.
template <class Slot>
struct replay_slots {
  mutable std::mutex mutex;
  /// A power of two of them, or none; at most 7 of 8 are taken.
  std::vector<Slot> table;
  std::size_t size = 0;

  /// The first slot from `place` on for which `is_it` holds, or the free one behind those. Requires
  /// a free slot.
  template <class Predicate>
  [[nodiscard]] Slot& find(std::uint64_t place, Predicate&& is_it) {
    return find_in(table, place, is_it);
  }
  template <class Predicate>
  [[nodiscard]] const Slot& find(std::uint64_t place, Predicate&& is_it) const {
    return find_in(table, place, is_it);
  }
  /// After it there is a free slot for one more.
  void make_room(const replay_salt& salt) {
    if (!fits(size + 1, table.size())) rebuild(salt, size + 1, [](const Slot&) { return true; });
  }
  /// Moves the items for which `stays` holds to a table that is made for `room` items. `size` is
  /// the caller's.
  template <class Predicate>
  void rebuild(const replay_salt& salt, std::size_t room, Predicate&& stays) {
    auto slots = room == 0 ? 0 : smallest_table;
    while (!fits(room, slots))
      slots *= 2;
    std::vector<Slot> fresh(slots);
    for (const auto& item : table)
      if (!item.is_free() && stays(item))
        find_in(fresh, item.place(salt), [](const Slot&) { return false; }) = item;
    table.swap(fresh);
  }

 private:
  static constexpr std::size_t smallest_table = 16;

  [[nodiscard]] static bool fits(std::size_t items, std::size_t slots) noexcept {
    return items * 8 <= slots * 7;
  }
  template <class Slots, class Predicate>
  [[nodiscard]] static auto& find_in(Slots& in, std::uint64_t place, Predicate&& is_it) {
    const auto mask = in.size() - 1;
    auto at = place & mask;
    while (!in[at].is_free() && !is_it(in[at]))
      at = (at + 1) & mask;
    return in[at];
  }
};

}  // namespace mtp::actors
