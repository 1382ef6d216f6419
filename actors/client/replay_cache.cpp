#include "actors/client/replay_cache.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace mtp::actors {

namespace {

/// Seconds that are evicted together. Short, so that a flood of handshakes does not push out all
/// that came in the minutes before it.
constexpr std::int64_t step = 10;
constexpr std::uint32_t end_bits = 0x7fff'ffff;

}  // namespace

replay_cache::slot replay_cache::slot_of(const replay_record& handshake) noexcept {
  const byte_view fingerprint{handshake.fingerprint};
  slot item;
  item.begin = load_le<std::uint64_t>(fingerprint);
  item.end = load_le<std::uint32_t>(fingerprint.subspan(sizeof item.begin)) & end_bits;
  item.lasting = handshake.lasting ? 1 : 0;
  constexpr std::int64_t last_second = std::numeric_limits<std::uint32_t>::max();
  item.used = static_cast<std::uint32_t>(std::clamp<std::int64_t>(handshake.used, 1, last_second));
  return item;
}

bool replay_cache::add(const replay_record& handshake) {
  const auto item = slot_of(handshake);
  const auto place = item.place(salt_);
  auto& home = parts_[place >> 56];
  const std::lock_guard lock{home.mutex};
  home.make_room(salt_);
  auto& found = home.find(place, [&](const slot& other) { return other.is_same(item); });
  if (!found.is_free()) {
    found.used = std::max(found.used, item.used);
    found.lasting |= item.lasting;
    return false;
  }
  found = item;
  ++home.size;
  return true;
}

template <class Predicate>
std::size_t replay_cache::remove_if(Predicate&& goes) {
  std::size_t removed = 0;
  for (auto& each : parts_) {
    const std::lock_guard lock{each.mutex};
    const auto going = static_cast<std::size_t>(std::ranges::count_if(
        each.table, [&](const slot& item) { return !item.is_free() && goes(item); }));
    if (going == 0) continue;
    each.size -= going;
    removed += going;
    each.rebuild(salt_, each.size, [&](const slot& item) { return !goes(item); });
  }
  return removed;
}

template <class Function>
void replay_cache::for_each(Function&& function) const {
  for (const auto& each : parts_) {
    const std::lock_guard lock{each.mutex};
    for (const auto& item : each.table)
      if (!item.is_free()) function(item);
  }
}

std::size_t replay_cache::size() const {
  std::size_t total = 0;
  for (const auto& each : parts_) {
    const std::lock_guard lock{each.mutex};
    total += each.size;
  }
  return total;
}

std::size_t replay_cache::memory() const {
  std::size_t total = 0;
  for (const auto& each : parts_) {
    const std::lock_guard lock{each.mutex};
    total += each.table.size() * sizeof(slot);
  }
  return total;
}

replay_cache::unix_seconds replay_cache::oldest(unix_seconds now) const {
  auto oldest = now;
  for_each([&](const slot& item) { oldest = std::min<unix_seconds>(oldest, item.used); });
  return oldest;
}

void replay_cache::copy_part(std::size_t index, std::vector<replay_record>& into) const {
  const auto& from = parts_[index];
  const std::lock_guard lock{from.mutex};
  for (const auto& item : from.table) {
    if (item.is_free()) continue;
    auto& record = into.emplace_back();
    const byte_span fingerprint{record.fingerprint};
    store_le(fingerprint, item.begin);
    store_le(fingerprint.subspan(sizeof item.begin), std::uint32_t{item.end});
    record.used = item.used;
    record.lasting = item.lasting != 0;
  }
}

std::size_t replay_cache::remove_older(unix_seconds cut, unix_seconds lasting_cut) {
  return remove_if(
      [=](const slot& item) { return item.used < (item.lasting != 0 ? lasting_cut : cut); });
}

replay_cache::removal replay_cache::remove_oldest(std::size_t count, unix_seconds now) {
  std::map<unix_seconds, std::size_t> by_step;
  for_each([&](const slot& item) { ++by_step[item.used / step]; });
  std::size_t found = 0;
  for (const auto& [at, items] : by_step) {
    found += items;
    if (found < count) continue;
    const auto cut = std::min((at + 1) * step, now + 1);
    return {.items = remove_older(cut, cut), .cut = cut};
  }
  return {};
}

}  // namespace mtp::actors
