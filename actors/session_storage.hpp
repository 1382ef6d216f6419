// Keeps the table of handshakes seen (actors/session_table.hpp) within its bounds. Twin of
// mtp_session_storage.
#pragma once

#include <caf/stateful_actor.hpp>

#include "actors/environment.hpp"

namespace mtp::actors {

/// Message (request): replies with a `session_storage_status`.
struct get_session_storage_status {};
struct session_storage_status {
  std::size_t items = 0;
  std::size_t memory_bytes = 0;
  /// Seconds since the item unused for longest was used.
  std::int64_t oldest_age = 0;
};

struct session_storage_state {
  explicit session_storage_state(caf::event_based_actor* actor) : self{actor} {}
  void look();

  caf::event_based_actor* self;
  environment* env = nullptr;
  caf::actor_clock::time_point next_cleaning;
  static inline const char* name = "session_storage";
};

/// Behavior: once a minute forgets what is over `max_memory_mb`, `max_items` or `max_age_minutes`,
/// as the original in that order; within seconds if it is much over the first two. Table and bounds
/// outlive a restart of it.
/// - `get_session_storage_status`.
caf::behavior session_storage(caf::stateful_actor<session_storage_state>* self, environment& env);

/// MiB that the table may take: `wanted`, at most a quarter of `budget` (bytes); if `wanted` is 0
/// an eighth of it, at most 512. At least 1.
[[nodiscard]] std::size_t replay_memory_mb(std::size_t wanted, std::size_t budget) noexcept;

/// Items that `bounds` allow.
[[nodiscard]] std::size_t most_sessions(const session_storage_settings& bounds) noexcept;

/// What the minute's cleaning does; returns how many items it removed.
std::size_t clean_sessions(session_table& table, const session_storage_settings& bounds,
                           session_table::unix_seconds now);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::get_session_storage_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::session_storage_status)
