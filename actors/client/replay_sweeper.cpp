#include "actors/client/replay_sweeper.hpp"

#include <spdlog/spdlog.h>

#include <caf/all.hpp>

#include "actors/client/hello_clock.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::actors {

namespace {

/// Message to itself.
struct look_now {};

constexpr std::chrono::seconds look_interval{5};
/// Going through all of them takes longer than looking how many there are.
constexpr std::chrono::minutes clean_interval{1};

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::look_now)

namespace mtp::actors {

std::size_t replay_memory_mb(std::size_t wanted, std::size_t budget) noexcept {
  constexpr std::size_t most_by_default = 512;
  const auto budget_mb = budget >> 20U;
  const auto memory_mb =
      wanted == 0 ? std::min(budget_mb / 8, most_by_default) : std::min(wanted, budget_mb / 4);
  return std::max<std::size_t>(memory_mb, 1);
}

std::size_t max_replay_items(const config::replay_cache_settings& bounds) noexcept {
  return std::min(bounds.max_items, (bounds.max_memory_mb << 20U) / replay_cache::bytes_per_item);
}

replay_cache::unix_seconds oldest_replay(const config::replay_cache_settings& bounds, bool lasting,
                                         replay_cache::unix_seconds now) {
  const std::chrono::seconds age = bounds.max_age;
  return now - (lasting ? std::max(age, least_lasting_replay_age) : age).count();
}

cleaned_replays clean_replays(replay_cache& table, const config::replay_cache_settings& bounds,
                              replay_cache::unix_seconds now) {
  cleaned_replays done;
  const auto max_items = max_replay_items(bounds);
  const auto items = table.size();
  if (items > max_items) {
    const auto gone = table.remove_oldest(items - max_items, now);
    done = {.removed = gone.items, .crowded_out_until = gone.cut};
  }
  done.removed +=
      table.remove_older(oldest_replay(bounds, false, now), oldest_replay(bounds, true, now));
  return done;
}

void replay_sweeper_state::look() {
  auto& table = side->replays;
  const auto settings = side->core.config.get();
  const auto& bounds = settings->client.replay_cache;
  const auto most = max_replay_items(bounds);
  const bool far_over = table.size() > most + most / 8;
  const auto now = self->clock().now();
  if (now < next_cleaning && !far_over) return;
  next_cleaning = now + clean_interval;
  const auto unix_now = net::unix_time();
  const auto [removed, crowded_out_until] = clean_replays(table, bounds, unix_now);
  if (side->shared_replays != nullptr)
    side->shared_replays->clean(oldest_replay(bounds, false, unix_now),
                                oldest_replay(bounds, true, unix_now));
  if (removed > 0)
    spdlog::info("replay cache: {} handshakes evicted, {} remain", removed, table.size());
  const auto least_age = least_replay_age(settings->client.hello_clock);
  if (crowded_out_until > unix_now - least_age.count())
    spdlog::warn(
        "replay cache: more handshakes came than can be remembered for {} s; those before may be "
        "used again (replay_check_session_storage_opts.max_items, max_memory_mb)",
        least_age.count());
}

caf::behavior replay_sweeper(caf::stateful_actor<replay_sweeper_state>* self, client_side& side) {
  self->state.side = &side;
  self->state.next_cleaning = self->clock().now() + clean_interval;
  self->delayed_send(self, look_interval, look_now{});
  return {
      [self](const look_now&) {
        self->state.look();
        self->delayed_send(self, look_interval, look_now{});
      },
      [self](const get_replay_cache_status&) {
        const auto& table = self->state.side->replays;
        const auto now = net::unix_time();
        const auto items = table.size();
        return replay_cache_status{
            .items = items, .memory_bytes = table.memory(), .oldest_age = now - table.oldest(now)};
      },
  };
}

}  // namespace mtp::actors
