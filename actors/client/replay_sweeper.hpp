// Keeps the table of handshakes seen (actors/client/replay_cache.hpp) within its bounds. Twin of
// mtp_session_storage.
#pragma once

#include <caf/actor_clock.hpp>
#include <caf/stateful_actor.hpp>

#include "actors/client/client_side.hpp"

namespace mtp::actors {

/// Message (request): replies with a `replay_cache_status`.
struct get_replay_cache_status {};
struct replay_cache_status {
  std::size_t items = 0;
  std::size_t memory_bytes = 0;
  /// Seconds since the item unused for longest was used.
  std::int64_t oldest_age = 0;
};

struct replay_sweeper_state {
  explicit replay_sweeper_state(caf::event_based_actor* actor) : self{actor} {}
  void look();

  caf::event_based_actor* self;
  client_side* side = nullptr;
  caf::actor_clock::time_point next_cleaning;
  static inline const char* name = "replay_sweeper";
};

/// Behavior: once a minute evicts what is too old of other fronts' handshakes, and the items above
/// `max_memory_mb`, `max_items` and `max_age_minutes`, in the original's order; within seconds if
/// there are many more than the first two allow. Table and bounds outlive a restart of the actor.
/// - `get_replay_cache_status`.
caf::behavior replay_sweeper(caf::stateful_actor<replay_sweeper_state>* self, client_side& side);

/// MiB that the table may take: `wanted`, at most a quarter of `budget` (bytes); if `wanted` is 0
/// an eighth of it, at most 512. At least 1.
[[nodiscard]] std::size_t replay_memory_mb(std::size_t wanted, std::size_t budget) noexcept;

/// How many items `bounds` allow.
[[nodiscard]] std::size_t max_replay_items(const config::replay_cache_settings& bounds) noexcept;

/// A handshake that was used before this, in seconds since the epoch, is forgotten. A lasting one
/// does not go for its age before `least_lasting_replay_age`.
[[nodiscard]] replay_cache::unix_seconds oldest_replay(const config::replay_cache_settings& bounds,
                                                       bool lasting,
                                                       replay_cache::unix_seconds now);

struct cleaned_replays {
  std::size_t removed = 0;
  /// There were so many items that those went that were used before this; 0: none.
  replay_cache::unix_seconds crowded_out_until = 0;
};

/// Evicts the items above `bounds`.
cleaned_replays clean_replays(replay_cache& table, const config::replay_cache_settings& bounds,
                              replay_cache::unix_seconds now);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::get_replay_cache_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::replay_cache_status)
