#include "actors/core/replays_by_front.hpp"

#include <algorithm>
#include <limits>
#include <tuple>

namespace mtp::actors {

namespace {

constexpr std::uint32_t slot_end_bits = 0x07ff'ffff;
constexpr replays_by_front::front slot_from_bits = 0x0f;
static_assert(slot_from_bits + 1 == replays_by_front::max_fronts);

/// Of a part.
std::size_t share_of(std::size_t quota) noexcept {
  return std::max<std::size_t>(quota / replays_by_front::part_count, 1);
}

}  // namespace

replays_by_front::slot replays_by_front::slot_of(const replay_fingerprint& fingerprint) noexcept {
  const byte_view in{fingerprint};
  slot item;
  item.begin = load_le<std::uint64_t>(in);
  item.end = load_le<std::uint32_t>(in.subspan(sizeof item.begin)) & slot_end_bits;
  return item;
}

void replays_by_front::add(front from, const replay_record& handshake, std::size_t quota) {
  auto item = slot_of(handshake.fingerprint);
  item.from = from & slot_from_bits;
  item.lasting = handshake.lasting ? 1 : 0;
  constexpr std::int64_t last_second = std::numeric_limits<std::uint32_t>::max();
  item.used = static_cast<std::uint32_t>(std::clamp<std::int64_t>(handshake.used, 1, last_second));
  const auto place = item.place(salt_);
  auto& home = parts_[place >> 56];
  const std::lock_guard lock{home.slots.mutex};
  const auto look = [&]() -> slot& {
    home.slots.make_room(salt_);
    return home.slots.find(
        place, [&](const slot& other) { return other.is_same(item) && other.from == item.from; });
  };
  if (auto& known = look(); !known.is_free()) {
    known.used = std::max(known.used, item.used);
    known.lasting |= item.lasting;
    return;
  }
  // Several at once, as it takes a look at all of the part.
  const auto most = share_of(quota);
  if (home.counts[from] >= most) evict(home, from, most - 1 - most / 8);
  look() = item;
  ++home.slots.size;
  ++home.counts[from];
}

bool replays_by_front::contains(const replay_fingerprint& fingerprint) const {
  const auto item = slot_of(fingerprint);
  const auto place = item.place(salt_);
  const auto& home = parts_[place >> 56];
  const std::lock_guard lock{home.slots.mutex};
  if (home.slots.table.empty()) return false;
  return !home.slots.find(place, [&](const slot& other) { return other.is_same(item); }).is_free();
}

template <class Predicate>
void replays_by_front::remove_if(part& of, Predicate&& goes) {
  auto counts = of.counts;
  auto size = of.slots.size;
  for (const auto& item : of.slots.table)
    if (!item.is_free() && goes(item)) {
      --size;
      --counts[item.from];
    }
  if (size == of.slots.size) return;
  // There may be no memory for it: then all of it stays as it is.
  of.slots.rebuild(salt_, size, [&](const slot& item) { return !goes(item); });
  of.slots.size = size;
  of.counts = counts;
}

void replays_by_front::evict(part& of, front from, std::size_t keep) {
  if (of.counts[from] <= keep) return;
  std::vector<slot> own;
  own.reserve(of.counts[from]);
  for (const auto& item : of.slots.table)
    if (!item.is_free() && item.from == from) own.push_back(item);
  // Of those of one second, some may stay.
  const auto age_of = [](const slot& item) {
    return std::tuple{item.used, item.begin, std::uint32_t{item.end}};
  };
  const auto last = own.begin() + static_cast<std::ptrdiff_t>(own.size() - keep) - 1;
  std::ranges::nth_element(own, last, {}, age_of);
  remove_if(of, [&, cut = age_of(*last)](const slot& item) {
    return item.from == from && age_of(item) <= cut;
  });
}

std::size_t replays_by_front::size_of(front from) const {
  std::size_t total = 0;
  for (const auto& each : parts_) {
    const std::lock_guard lock{each.slots.mutex};
    total += each.counts[from];
  }
  return total;
}

std::size_t replays_by_front::memory() const {
  std::size_t total = 0;
  for (const auto& each : parts_) {
    const std::lock_guard lock{each.slots.mutex};
    total += each.slots.table.size() * sizeof(slot);
  }
  return total;
}

void replays_by_front::clean(std::int64_t cut, std::int64_t lasting_cut, std::size_t quota) {
  for (auto& each : parts_) {
    const std::lock_guard lock{each.slots.mutex};
    remove_if(each, [=](const slot& item) {
      return item.used < (item.lasting != 0 ? lasting_cut : cut);
    });
    for (front from = 0; from < max_fronts; ++from)
      evict(each, from, share_of(quota));
  }
}

void replays_by_front::clear() {
  for (auto& each : parts_) {
    const std::lock_guard lock{each.slots.mutex};
    remove_if(each, [](const slot&) { return true; });
  }
}

}  // namespace mtp::actors
