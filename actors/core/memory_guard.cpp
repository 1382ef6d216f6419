#include "actors/core/memory_guard.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/metric_names.hpp"
#include "actors/core/names.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// How long new clients wait before others are closed for them.
constexpr auto tight_time = 2s;
/// Between messages to the other reactors' guards.
constexpr auto tell_interval = 10ms;
/// Closing a client that holds less would free nothing worth a client.
constexpr std::size_t worth_closing = 4096;

}  // namespace

memory_guard::memory_guard(caf::actor_config& cfg, net::reactor& home, node_core& core)
    : pinned_actor{cfg, home},
      core_{&core},
      closed_{healthcheck(core.metrics, "memory_budget")},
      patience_timer_{*this} {}

caf::behavior memory_guard::start() {
  core_->memory.watch(home().index(), this);
  // Memory may have become short before, or while there was no guard.
  judge();
  return {[this](memory_is_scarce) { judge(); },
          [this](config_changed) {
            const auto& settings = core_->settings(home());
            home().grow_scratch(std::max(settings.client.upstream_socket_buffer_size,
                                         settings.uplink.downstream_socket_buffer_size));
          }};
}

void memory_guard::stopped() {
  core_->memory.watch(home().index(), nullptr);
  home().forget_flush(*this);
  patience_timer_.cancel();
}

/// Called from within a client's handler: what follows has to wait until that is done.
void memory_guard::on_pressure() {
  home().flush_later(*this);
}

void memory_guard::on_flush() {
  run_as_handler([this] {
    judge();
    if (home().now() - told_others_ < tell_interval) return;
    told_others_ = home().now();
    for (const auto& reactor : core_->reactors)
      if (reactor->index() != home().index())
        caf::anon_send(core_->names.find(names::memory_guard(reactor->index())),
                       memory_is_scarce{});
  });
}

void memory_guard::judge() {
  switch (core_->memory.pressure()) {
    case memory_pressure::none:
      break;
    case memory_pressure::tight:
      wait_a_while();
      break;
    case memory_pressure::exhausted:
      close_most_buffered();
      break;
  }
}

void memory_guard::on_due(net::timer&) {
  waiting_ = false;
  if (core_->memory.pressure() == memory_pressure::none) return;
  close_most_buffered();
  // Without growth there is no further callback, so re-arm, or listeners would stay paused.
  if (core_->memory.pressure() != memory_pressure::none) wait_a_while();
}

void memory_guard::wait_a_while() {
  if (!std::exchange(waiting_, true)) patience_timer_.arm(home().timers(), tight_time);
}

void memory_guard::close_most_buffered() {
  const auto surplus = core_->memory.surplus_of(home().index());
  const auto& holders = core_->holders[home().index()];
  for (auto* const holder : holders)
    holder->take_stock(worth_closing);
  std::size_t freed = 0;
  std::size_t count = 0;
  for (; freed < surplus; ++count) {
    const auto holder = std::ranges::max_element(
        holders, {}, [](const auto* candidate) { return candidate->largest_held(); });
    if (holder == holders.end() || (*holder)->largest_held() < worth_closing) break;
    freed += (*holder)->drop_largest();
  }
  // The rest is with dc_conns that Telegram does not read, or in transit.
  if (freed < surplus)
    for (auto* const holder : holders)
      holder->relieve();
  if (count == 0) return;
  closed_.add(count);
  const auto left_out = log_.admit(home().now());
  if (!left_out) return;
  spdlog::warn(
      "memory_budget_mb is used up: {} clients that hold most are closed, which frees {} MiB{}",
      count, freed >> 20U, net::describe_left_out(*left_out));
}

}  // namespace mtp::actors
