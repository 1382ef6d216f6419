// Handshakes that the fronts of a back tell each other of, as a front has them: those that it has
// seen itself, for others, and those of others.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "actors/core/metrics.hpp"
#include "actors/core/replays_by_front.hpp"
#include "actors/core/seen_ring.hpp"
#include "config/settings.hpp"

namespace mtp::actors {

/// Counters of the process; on a back they count what passes through.
struct shared_replay_counters {
  explicit shared_replay_counters(metrics& in);
  counter sent;
  counter received;
  counter dropped;
  counter refused;
};

/// Any thread may use it.
class shared_replays {
 public:
  explicit shared_replays(metrics& count_in) : counted{count_in} {}

  /// On with `replay_share`, where handshakes are checked at all; within bounds that follow those
  /// of the node's own memory. Off, it has no memory.
  void follow(const config::client_config& settings);
  [[nodiscard]] bool is_on() const noexcept { return is_on_.load(std::memory_order_relaxed); }

  /// For a handshake that is new to this front: whether another front has seen it. If not, others
  /// will be told of it.
  [[nodiscard]] bool is_replay(const replay_record& handshake) {
    return is_on() && look_up(handshake);
  }

  using own_ring = seen_ring<replay_record>;
  /// Of those that are new to this front and to all others, at most `most` from `at` on; from the
  /// oldest that is remembered if there is no place.
  [[nodiscard]] own_ring::piece read_own(std::optional<own_ring::place> at, std::size_t most) const;

  /// Remembers what another front has seen. False, and nothing changes, if it is off, or if there
  /// are too many fronts.
  bool add(const std::string& front, std::span<const replay_record> handshakes);
  /// Evicts what was not used since `cut`, lasting handshakes since `lasting_cut`, and what fronts
  /// have beyond their quota.
  void clean(std::int64_t cut, std::int64_t lasting_cut);

  /// Bytes.
  [[nodiscard]] std::size_t memory() const;

  shared_replay_counters counted;

 private:
  [[nodiscard]] bool look_up(const replay_record& handshake);
  [[nodiscard]] std::size_t quota() const;
  void forget_empty();
  [[nodiscard]] std::optional<replays_by_front::front> number_of(const std::string& front);

  std::atomic<bool> is_on_ = false;
  mutable std::mutex own_mutex_;
  own_ring own_;

  /// For what follows. The table has locks of its own, for reading.
  mutable std::mutex others_mutex_;
  std::map<std::string, replays_by_front::front> fronts_;
  /// For all fronts together.
  std::size_t most_ = 0;
  replays_by_front others_;
};

}  // namespace mtp::actors
