// Fingerprints of handshakes seen, so that a replayed handshake is recognised. client_conns use the
// table directly; the replay_sweeper actor keeps it within its bounds.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "codecs/base/bytes.hpp"

namespace mtp::actors {

/// Any thread may use it: 64 parts, each with its lock.
class replay_cache {
 public:
  /// Seconds since the epoch; passed in, so that tests need not wait.
  using unix_seconds = std::int64_t;

  /// Remembers a handshake as used now. True if it was not known. `material` tells handshakes
  /// apart: key and IV of a header (bytes 8..55), or the random of a ClientHello.
  bool add(byte_view material, unix_seconds now);

  [[nodiscard]] std::size_t size() const;
  /// An estimate of the bytes that this many items take.
  [[nodiscard]] static std::size_t memory_of(std::size_t items) noexcept;
  [[nodiscard]] std::size_t memory() const { return memory_of(size()); }
  /// Seconds at which the item unused for longest was used last; `now` if there is none.
  [[nodiscard]] unix_seconds oldest(unix_seconds now) const;

  /// Evicts the items that were not used since `cut`. Returns how many.
  std::size_t remove_older(unix_seconds cut);
  /// Evicts about `count` items, those unused for longest, by whole 5-minute steps. Returns how
  /// many.
  std::size_t remove_oldest(std::size_t count, unix_seconds now);

 private:
  using fingerprint = std::array<std::uint8_t, 16>;
  struct hash {
    std::size_t operator()(const fingerprint& x) const noexcept {
      return load_le<std::size_t>(x);  // a digest: uniform as it is
    }
  };
  struct locked_items {
    mutable std::mutex mutex;
    std::unordered_map<fingerprint, unix_seconds, hash> items;
  };
  static constexpr std::size_t part_count = 64;
  std::array<locked_items, part_count> parts_;
};

}  // namespace mtp::actors
