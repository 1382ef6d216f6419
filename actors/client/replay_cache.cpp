#include "actors/client/replay_cache.hpp"

#include <algorithm>
#include <map>

#include "codecs/base/crypto.hpp"

namespace mtp::actors {

namespace {

constexpr std::int64_t step = 300;

}  // namespace

bool replay_cache::add(byte_view material, unix_seconds now) {
  // Half a digest: 16 bytes are enough against chance, and nobody can aim for a collision.
  const auto digest = sha256({material});
  fingerprint key;
  std::copy_n(digest.begin(), key.size(), key.begin());
  auto& part = parts_[digest.back() % part_count];
  const std::lock_guard lock{part.mutex};
  const auto [at, inserted] = part.items.try_emplace(key, now);
  at->second = now;
  return inserted;
}

std::size_t replay_cache::size() const {
  std::size_t total = 0;
  for (const auto& part : parts_) {
    const std::lock_guard lock{part.mutex};
    total += part.items.size();
  }
  return total;
}

std::size_t replay_cache::memory_of(std::size_t items) noexcept {
  // A node (next, key, time) with malloc's header, and its share of the bucket array.
  constexpr std::size_t node = sizeof(void*) + sizeof(fingerprint) + sizeof(unix_seconds) + 16;
  return items * (node + sizeof(void*));
}

replay_cache::unix_seconds replay_cache::oldest(unix_seconds now) const {
  auto oldest = now;
  for (const auto& part : parts_) {
    const std::lock_guard lock{part.mutex};
    for (const auto& [key, used] : part.items)
      oldest = std::min(oldest, used);
  }
  return oldest;
}

std::size_t replay_cache::remove_older(unix_seconds cut) {
  std::size_t removed = 0;
  for (auto& part : parts_) {
    const std::lock_guard lock{part.mutex};
    removed += std::erase_if(part.items, [&](const auto& item) { return item.second < cut; });
  }
  return removed;
}

std::size_t replay_cache::remove_oldest(std::size_t count, unix_seconds now) {
  std::map<unix_seconds, std::size_t> by_step;
  for (const auto& part : parts_) {
    const std::lock_guard lock{part.mutex};
    for (const auto& [key, used] : part.items)
      ++by_step[used / step];
  }
  std::size_t found = 0;
  for (const auto& [at, items] : by_step) {
    found += items;
    if (found >= count) return remove_older(std::min((at + 1) * step, now + 1));
  }
  return 0;
}

}  // namespace mtp::actors
