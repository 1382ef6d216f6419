#include "actors/session_storage.hpp"

#include <spdlog/spdlog.h>

#include <caf/all.hpp>

namespace mtp::actors {

namespace {

/// Message to itself.
struct clean_now {};

constexpr std::chrono::minutes clean_interval{1};

session_table::unix_seconds unix_time() noexcept {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::clean_now)

namespace mtp::actors {

std::size_t clean_sessions(session_table& table, const session_storage_settings& bounds,
                           session_table::unix_seconds now) {
  std::size_t removed = 0;
  const auto max_items =
      std::min(bounds.max_items, bounds.max_memory_mb * 1024 * 1024 / session_table::memory_of(1));
  const auto items = table.size();
  if (items > max_items) removed += table.remove_oldest(items - max_items, now);
  const auto max_age = std::chrono::duration_cast<std::chrono::seconds>(bounds.max_age).count();
  return removed + table.remove_older(now - max_age);
}

caf::behavior session_storage(caf::stateful_actor<session_storage_state>* self, environment& env) {
  self->state.env = &env;
  self->delayed_send(self, clean_interval, clean_now{});
  return {
      [self](const clean_now&) {
        auto& table = self->state.env->sessions;
        const auto removed =
            clean_sessions(table, self->state.env->settings.session_storage, unix_time());
        if (removed > 0)
          spdlog::info("session storage: {} handshakes forgotten, {} remain", removed,
                       table.size());
        self->delayed_send(self, clean_interval, clean_now{});
      },
      [self](const get_session_storage_status&) {
        const auto& table = self->state.env->sessions;
        const auto now = unix_time();
        const auto items = table.size();
        return session_storage_status{.items = items,
                                      .memory_bytes = session_table::memory_of(items),
                                      .oldest_age = now - table.oldest(now)};
      },
  };
}

}  // namespace mtp::actors
