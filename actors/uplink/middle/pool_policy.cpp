#include "actors/uplink/middle/pool_policy.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace mtp::actors {

namespace {

std::size_t clients_on(const pool_conn& conn) noexcept {
  return conn.load->clients.load();
}

}  // namespace

pool_policy::pool_policy(dc_id dc, std::size_t reactors, endpoint_backoff::random jitter)
    : dc_{dc}, backoff_{std::move(jitter)}, strangers_(reactors) {}

// -- what is known of connections -----------------------------------------------------------------

pool_conn* pool_policy::find(conn_number known) {
  const auto at = conns_.find(known);
  return at != conns_.end() ? &at->second : nullptr;
}

pool_conn& pool_policy::add(unsigned reactor, const endpoint& to, bool spare, time_point now) {
  auto& added = conns_[++last_];
  added = {.number = last_,
           .reactor = reactor,
           .to = to,
           .expected_by = now + connect_patience,
           .spare = spare,
           .load = std::make_shared<dc_conn_load>(),
           .strangers = std::vector<bool>(strangers_.size())};
  return added;
}

void pool_policy::became_ready(pool_conn& conn, time_point now) {
  conn.ready = true;
  conn.ready_since = now;
  conn.idle_since = now;
  backoff_.succeeded(conn.to);
}

void pool_policy::lost(conn_number conn, const loss& how, time_point now) {
  const auto node = conns_.extract(conn);
  if (node.empty()) return;
  const auto& gone = node.mapped();
  const bool short_lived = gone.ready && !how.served && now - gone.ready_since < short_life;
  if (short_lived && is_open_to(gone.to))
    backoff_.rest(gone.to, now);
  else if (short_lived || (!gone.ready && !how.forgiven))
    backoff_.failed(gone.to, now);
}

// -- clients --------------------------------------------------------------------------------------

pool_conn* pool_policy::choose(unsigned reactor, const pool_limits& limits) {
  pool_conn* best = nullptr;
  pool_conn* best_local = nullptr;
  const auto is_better = [](const pool_conn& conn, const pool_conn* than) {
    return than == nullptr || clients_on(conn) < clients_on(*than);
  };
  for (auto& [number, conn] : conns_) {
    if (!conn.takes_clients()) continue;
    if (is_better(conn, best)) best = &conn;
    if (conn.reactor == reactor && is_better(conn, best_local)) best_local = &conn;
  }
  // Staying on one thread is worth more than even loads, until a connection is full.
  const bool stays = best_local != nullptr && clients_on(*best_local) <= limits.clients_per_conn;
  return stays ? best_local : best;
}

bool pool_policy::is_worth_waiting(const pool_conn& best, const pool_limits& limits,
                                   time_point now) const {
  return clients_on(best) > limits.clients_per_conn * 3 / 2 && on_their_way(now) > 0;
}

std::size_t pool_policy::assign(pool_conn& to, unsigned reactor, const pool_limits& limits,
                                time_point now) {
  const auto load = clients_on(to);
  const auto coming = on_their_way(now);
  std::size_t more = 0;
  if (load > limits.clients_per_conn && coming == 0) more = 2;
  // To survive a first rush of clients.
  if (load > limits.clients_per_conn + limits.clients_per_conn / 2 && coming < burst_max)
    more = burst_max - coming;
  if (to.reactor == reactor) return more;
  to.strangers[reactor] = true;
  if (!is_crowded(strangers_[reactor], limits, now)) return more;
  const auto is_local = [&](const auto& item) { return item.second.reactor == reactor; };
  return coming < burst_max && std::ranges::none_of(conns_, is_local)
             ? std::max<std::size_t>(more, 1)
             : more;
}

/// Counts one more. So few that their connection would soon be idle again do not get one.
bool pool_policy::is_crowded(stranger_count& here, const pool_limits& limits, time_point now) {
  if (now - here.since > limits.idle_timeout) here = {.clients = 0, .since = now};
  if (++here.clients < strangers_max) return false;
  here.clients = 0;
  return true;
}

// -- how many -------------------------------------------------------------------------------------

std::size_t pool_policy::ready() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(conns_, [](const auto& item) { return item.second.ready; }));
}

std::size_t pool_policy::on_their_way(time_point now) const {
  return static_cast<std::size_t>(std::ranges::count_if(
      conns_, [&](const auto& item) { return !item.second.ready && !item.second.overdue(now); }));
}

bool pool_policy::some_overdue(time_point now) const {
  return std::ranges::any_of(conns_, [&](const auto& item) { return item.second.overdue(now); });
}

std::size_t pool_policy::wanted(std::size_t waiting, const pool_limits& limits) {
  const auto per_conn = std::max<std::size_t>(limits.clients_per_conn, 1);
  const auto for_waiting = (waiting + per_conn - 1) / per_conn;
  return std::max(limits.minimum, std::min(for_waiting, burst_max));
}

bool pool_policy::is_open_to(const endpoint& at) const {
  return std::ranges::any_of(
      conns_, [&](const auto& item) { return item.second.ready && item.second.to == at; });
}

pool_policy::rivals pool_policy::beaten_by(const pool_conn& winner, std::size_t waiting,
                                           const pool_limits& limits, time_point now) {
  rivals result;
  const auto needed = wanted(waiting, limits);
  auto at_hand = ready() + on_their_way(now);
  if (at_hand < needed) return result;
  for (const auto& [number, conn] : conns_) {
    const bool overdue = conn.overdue(now);
    const bool surplus = conn.spare && at_hand > needed;
    if (conn.ready || conn.to == winner.to || (!overdue && !surplus)) continue;
    result.to_drop.push_back(number);
    if (!overdue) {
      --at_hand;
    } else if (!is_open_to(conn.to)) {
      ++result.overtaken;
      backoff_.failed(conn.to, now);
    }
  }
  return result;
}

void pool_policy::note_idle(time_point now) {
  for (auto& [number, conn] : conns_) {
    if (!conn.takes_clients()) continue;
    const auto given = conn.load->given.load();
    const bool was_used = std::exchange(conn.given, given) != given;
    if (clients_on(conn) > 0) {
      conn.idle_since.reset();
      continue;
    }
    if (conn.idle_since && !was_used) continue;
    conn.idle_since = now;
    conn.strangers.assign(conn.strangers.size(), false);
  }
}

std::optional<pool_policy::conn_number> pool_policy::next_idle(conn_number before,
                                                               const pool_limits& limits,
                                                               time_point now) const {
  if (ready() <= limits.minimum) return std::nullopt;
  for (auto at = conns_.lower_bound(before); at != conns_.begin();) {
    const auto& [number, conn] = *--at;
    if (conn.takes_clients() && conn.idle_since && now - *conn.idle_since >= limits.idle_timeout &&
        !is_needed(conn, limits))
      return number;
  }
  return std::nullopt;
}

bool pool_policy::is_needed(const pool_conn& idle, const pool_limits& limits) const {
  std::size_t clients = 0;
  std::size_t open = 0;
  bool is_alone = true;
  bool has_strangers = false;
  for (const auto& [number, conn] : conns_) {
    if (!conn.ready) continue;
    clients += clients_on(conn);
    ++open;
    is_alone = is_alone && (&conn == &idle || conn.reactor != idle.reactor);
    has_strangers = has_strangers || conn.strangers[idle.reactor];
  }
  // The next clients would make the pool grow again.
  if (clients * 4 > limits.clients_per_conn * 3 * (open - 1)) return true;
  // Clients of its reactor that are elsewhere will need it when they migrate.
  return is_alone && has_strangers;
}

// -- where to -------------------------------------------------------------------------------------

pool_policy::attempt pool_policy::next_attempt(std::span<const endpoint> known, bool prefer_v6,
                                               time_point now) {
  std::vector<endpoint_candidate> candidates;
  candidates.reserve(known.size());
  for (const auto& at : known) {
    endpoint_candidate added{.at = at, .rank = at.ip.is_v4() == prefer_v6 ? 1U : 0U};
    for (const auto& [number, conn] : conns_) {
      if (conn.to != at) continue;
      ++(conn.ready ? added.open : added.pending);
      if (conn.overdue(now)) ++added.overdue;
    }
    candidates.push_back(added);
  }
  if (const auto to = backoff_.choose(candidates, now)) return {.to = to, .chance = std::nullopt};
  // Either all rest, or the only one that does not is being tried.
  const auto chance = backoff_.next_chance(candidates, now);
  return {.to = std::nullopt, .chance = chance > now ? std::optional{chance} : std::nullopt};
}

std::vector<pool_policy::conn_number> pool_policy::in_vain(std::span<const endpoint> known,
                                                           bool all) const {
  std::vector<conn_number> result;
  for (const auto& [number, conn] : conns_)
    if (!conn.ready && (all || std::ranges::find(known, conn.to) == known.end()))
      result.push_back(number);
  return result;
}

unsigned pool_policy::emptiest_reactor() const {
  std::vector<std::size_t> count(strangers_.size());
  for (const auto& [number, conn] : conns_)
    ++count[conn.reactor];
  // DCs start at different reactors, so that single connections do not pile up on the first.
  const auto first = static_cast<std::size_t>(std::abs(dc_)) * 2 + (dc_ < 0 ? 1 : 0);
  auto best = first % count.size();
  for (std::size_t i = 0; i < count.size(); ++i) {
    const auto at = (first + i) % count.size();
    if (count[at] < count[best]) best = at;
  }
  return static_cast<unsigned>(best);
}

}  // namespace mtp::actors
