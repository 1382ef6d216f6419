// Handshakes on their way from the reactors to the file that remembers them.
#pragma once

#include <atomic>
#include <mutex>
#include <utility>
#include <vector>

#include "codecs/client/replay_record.hpp"

namespace mtp::actors {

/// Any thread may use it.
class replay_queue {
 public:
  /// Half a second of more handshakes than a machine can do.
  static constexpr std::size_t max_records = std::size_t{1} << 16;

  /// Whether what is added is kept; what was there is dropped if not.
  void keep(bool on) {
    is_kept_.store(on, std::memory_order_relaxed);
    if (!on) static_cast<void>(take());
  }

  /// Adds a handshake that is in the replay_cache already; drops and counts it if there is no room.
  void add(const replay_record& handshake) {
    if (!is_kept_.load(std::memory_order_relaxed)) return;
    const std::lock_guard lock{mutex_};
    if (waiting_.records.size() < max_records)
      waiting_.records.push_back(handshake);
    else
      ++waiting_.dropped;
  }

  struct batch {
    std::vector<replay_record> records;
    std::size_t dropped = 0;
  };
  /// All that was added since the last time.
  [[nodiscard]] batch take() {
    const std::lock_guard lock{mutex_};
    return std::exchange(waiting_, {});
  }

 private:
  std::atomic<bool> is_kept_ = false;
  std::mutex mutex_;
  batch waiting_;
};

}  // namespace mtp::actors
