#include "actors/core/memory_guard.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/client/client_conn.hpp"
#include "actors/core/metric_names.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// How long new clients wait before others are closed for them.
constexpr auto tight_time = 2s;
/// Between messages to the other reactors' guards.
constexpr auto tell_interval = 10ms;
/// And between warnings.
constexpr auto warning_interval = 10s;
/// Closing a client that holds less would free nothing worth a client.
constexpr std::size_t worth_closing = 4096;

}  // namespace

std::string memory_guard_name(unsigned reactor) {
  return "memory_guard_" + std::to_string(reactor);
}

memory_guard::memory_guard(caf::actor_config& cfg, net::reactor& home, environment& env)
    : pinned_actor{cfg, home},
      env_{&env},
      closed_{healthcheck(env.metrics, "memory_budget")},
      patience_timer_{*this} {}

caf::behavior memory_guard::start() {
  env_->memory.watch(home().index(), this);
  // What came before, or while nobody watched.
  judge();
  return {[this](memory_is_scarce) { judge(); }};
}

void memory_guard::stopped() {
  env_->memory.watch(home().index(), nullptr);
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
    for (const auto& one : env_->reactors)
      if (one->index() != home().index())
        caf::anon_send(env_->names.find(memory_guard_name(one->index())), memory_is_scarce{});
  });
}

void memory_guard::judge() {
  switch (env_->memory.pressure()) {
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
  if (env_->memory.pressure() == memory_pressure::none) return;
  close_most_buffered();
  // Perhaps nothing grows any more, and so nobody tells: new clients would wait for ever.
  if (env_->memory.pressure() != memory_pressure::none) wait_a_while();
}

void memory_guard::wait_a_while() {
  if (!std::exchange(waiting_, true)) patience_timer_.arm(home().timers(), tight_time);
}

void memory_guard::close_most_buffered() {
  const auto surplus = env_->memory.surplus_of(home().index());
  std::vector<std::pair<std::size_t, client_conn*>> candidates;
  env_->clients[home().index()].for_each([&](client_conn& one) {
    if (one.held() >= worth_closing) candidates.emplace_back(one.held(), &one);
  });
  std::ranges::sort(candidates, std::ranges::greater{}, [](const auto& one) { return one.first; });
  std::size_t freed = 0;
  std::size_t count = 0;
  auto next = candidates.begin();
  const auto& holders = env_->holders[home().index()];
  for (; freed < surplus; ++count) {
    const auto holder =
        std::ranges::max_element(holders, {}, [](const auto* one) { return one->largest_held(); });
    const auto other = holder != holders.end() ? (*holder)->largest_held() : 0;
    if (next != candidates.end() && next->first >= other) {
      freed += next->first;
      next->second->run_as_handler([one = next->second] { one->drop(); });
      ++next;
    } else if (other >= worth_closing) {
      freed += (*holder)->drop_largest();
    } else {
      break;
    }
  }
  // The rest is with dc_conns that Telegram does not read, or in transit.
  if (freed < surplus)
    for (const auto& conn : env_->conns.all_of(home().index()))
      caf::anon_send(conn, memory_is_scarce{});
  if (count == 0) return;
  closed_.add(count);
  if (home().now() < quiet_until_) return;
  quiet_until_ = home().now() + warning_interval;
  spdlog::warn(
      "memory_budget_mb is used up: {} clients that hold most are closed, which frees {} MiB",
      count, freed >> 20U);
}

}  // namespace mtp::actors
