// The connections of a pool: which there are to be, and which of them end.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/names.hpp"
#include "actors/core/supervisor.hpp"
#include "actors/uplink/middle/dc_pool.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// The most connections on their way at once, as the original.
constexpr std::size_t burst_max = 10;
/// A connection that Telegram closes this soon, before it served anybody, counts as a failed
/// attempt, unless others to the same endpoint go on.
constexpr auto short_life = 2s;
/// A TCP connection not up by then, or a handshake not done by then (two round trips), is overdue:
/// another endpoint is tried beside it. RFC 8305 recommends the former.
constexpr auto connect_patience = 250ms;
constexpr auto handshake_patience = 1s;
/// This many clients served by another reactor's connections get one on their own.
constexpr std::size_t strangers_max = 8;

}  // namespace

caf::actor dc_conn_start::operator()() const {
  return net::spawn_pinned<dc_conn>(*side->core.reactors[reactor], std::ref(*side), options);
}

void dc_pool_state::grow_after(const conn& assigned, unsigned reactor) {
  const auto load = assigned.load->clients.load();
  const auto per_connection = side->core.config.get()->clients_per_dc_connection;
  const auto coming = on_their_way();
  std::size_t more = 0;
  if (load > per_connection && coming == 0) more = 2;
  // To survive a first rush of clients.
  if (load > per_connection + per_connection / 2 && coming < burst_max) more = burst_max - coming;
  if (assigned.reactor != reactor && is_crowded(strangers[reactor])) {
    const auto local = [&](const auto& item) { return item.second.reactor == reactor; };
    if (coming < burst_max && std::ranges::none_of(conns, local))
      more = std::max<std::size_t>(more, 1);
  }
  for (; more > 0 && connect(reactor); --more) {
  }
}

/// Counts one more. So few that their connection would soon be idle again do not get one.
bool dc_pool_state::is_crowded(stranger_count& here) const {
  const auto now = self->clock().now();
  if (now - here.since > side->core.config.get()->dc_idle_timeout)
    here = {.clients = 0, .since = now};
  if (++here.clients < strangers_max) return false;
  here.clients = 0;
  return true;
}

std::size_t dc_pool_state::wanted() const {
  const auto per_connection =
      std::max<std::size_t>(side->core.config.get()->clients_per_dc_connection, 1);
  const auto for_waiting = (waiting.size() + per_connection - 1) / per_connection;
  return std::max(side->core.config.get()->init_dc_connections, std::min(for_waiting, burst_max));
}

void dc_pool_state::keep_minimum() {
  const bool some_overdue = ready() + on_their_way() < conns.size();
  while (ready() + on_their_way() < wanted() && connect(emptiest_reactor(), some_overdue)) {
  }
}

/// What failed for a reason that is gone is tried again at once.
void dc_pool_state::handle_config_change() {
  const auto before = std::exchange(config, side->telegram.get());
  const bool new_keys = before->secret != config->secret ||
                        before->external_v4 != config->external_v4 ||
                        before->external_v6 != config->external_v6;
  const auto known = config->endpoints(dc, false);
  if (new_keys || before->endpoints(dc, false) != known) backoff.forget();
  // The offer may have been blamed for it.
  if (new_keys) offer_crc32c = true;
  for (auto which = conns.begin(); which != conns.end();) {
    const auto& one = which->second;
    const bool in_vain = new_keys || std::ranges::find(known, one.to) == known.end();
    which = !one.ready && in_vain ? drop(which) : std::next(which);
  }
  keep_minimum();
  serve_waiting();
  // It may be a new dc_config, which does not know.
  if (outage_told)
    caf::anon_send(side->core.names.find(names::dc_config), dc_outage{dc, last_failure});
}

bool dc_pool_state::connect(unsigned reactor, bool spare) {
  const auto now = self->clock().now();
  const auto known = candidates();
  const auto to = backoff.choose(known, now);
  if (!to) {
    // Either all rest, or the only one that does not is being tried.
    const auto chance = backoff.next_chance(known, now);
    if (chance > now) tick_at(chance);
    return false;
  }
  const auto sup = side->core.names.find(names::dc_conn_sup);
  if (sup == nullptr) {
    tick_at(now + endpoint_backoff::first_rest);
    return false;
  }
  const auto number = ++last_number;
  conn added{.handle = nullptr,
             .reactor = reactor,
             .to = *to,
             .ready = false,
             .ready_since = {},
             .expected_by = now + connect_patience,
             .spare = spare,
             .load = std::make_shared<dc_conn_load>(),
             .idle_since = std::nullopt,
             .strangers = std::vector<bool>(side->core.reactors.size())};
  tick_at(added.expected_by);
  const dc_conn_options options{.dc = dc,
                                .to = *to,
                                .pool = caf::actor{self},
                                .number = number,
                                .load = added.load,
                                .offer_crc32c = offer_crc32c};
  conns.emplace(number, std::move(added));
  start_child order{.id = {},
                    .start = dc_conn_start{.side = side, .options = options, .reactor = reactor}};
  self->request(sup, caf::infinite, std::move(order))
      .then(
          [this, number](const caf::actor& started) {
            const auto which = conns.find(number);
            if (which == conns.end()) {
              // Lost or dropped already: it has no clients.
              caf::anon_send_exit(started, caf::exit_reason::user_shutdown);
              return;
            }
            which->second.handle = started;
            self->monitor(started);
            // It may have been ready before this answer came.
            if (!which->second.ready) return;
            serve_waiting();
            offer(which->second);
          },
          [this, number](const caf::error&) {
            conns.erase(number);
            tick_at(self->clock().now() + endpoint_backoff::first_rest);
          });
  return true;
}

void dc_pool_state::handle_connected(std::uint64_t number) {
  const auto which = conns.find(number);
  if (which == conns.end()) return;
  which->second.expected_by = self->clock().now() + handshake_patience;
  tick_at(which->second.expected_by);
}

void dc_pool_state::handle_ready(std::uint64_t number) {
  const auto which = conns.find(number);
  if (which == conns.end()) return;
  auto& up = which->second;
  up.ready = true;
  up.ready_since = self->clock().now();
  up.idle_since = up.ready_since;
  backoff.succeeded(up.to);
  down_since.reset();
  // The pool before this one may have told an outage.
  const bool is_first = !std::exchange(was_ready, true);
  if (std::exchange(outage_told, false) || is_first)
    caf::anon_send(side->core.names.find(names::dc_config), dc_recovery{dc});
  serve_waiting();
  offer(up);
  drop_rivals(up);
  // The endpoint may have been tried with one connection only.
  keep_minimum();
  close_idle();
}

void dc_pool_state::drop_rivals(const conn& winner) {
  const auto now = self->clock().now();
  auto at_hand = ready() + on_their_way();
  if (at_hand < wanted()) return;
  for (auto which = conns.begin(); which != conns.end();) {
    const auto& one = which->second;
    const bool overdue = one.overdue(now);
    const bool surplus = one.spare && at_hand > wanted();
    if (one.ready || one.to == winner.to || (!overdue && !surplus)) {
      ++which;
      continue;
    }
    spdlog::debug("dc {}: {} was overtaken by {}", dc, to_string(one.to), to_string(winner.to));
    if (!overdue) {
      --at_hand;
    } else if (!is_open_to(one.to)) {
      // Not preferred for a while.
      overtaken.add();
      backoff.failed(one.to, now);
    }
    which = drop(which);
  }
}

/// Those who wait come first.
void dc_pool_state::offer(conn& which) {
  if (!which.takes_clients() || which.offered) return;
  side->conns.offer(dc, which.reactor, which.handle, which.load);
  which.offered = true;
}

void dc_pool_state::withdraw(conn& which) {
  if (std::exchange(which.offered, false)) side->conns.withdraw(dc, which.reactor, which.handle);
}

dc_pool_state::conn_map::iterator dc_pool_state::drop(conn_map::iterator which) {
  withdraw(which->second);
  if (which->second.handle != nullptr)
    caf::anon_send_exit(which->second.handle, caf::exit_reason::user_shutdown);
  return conns.erase(which);
}

void dc_pool_state::close_idle() {
  const auto now = self->clock().now();
  const auto settings = side->core.config.get();
  auto open = ready();
  if (open <= settings->init_dc_connections) return;
  for (auto& [number, one] : conns) {
    if (!one.takes_clients()) continue;
    const auto given = one.load->given.load();
    const bool was_used = std::exchange(one.given, given) != given;
    if (one.load->clients > 0) {
      one.idle_since.reset();
      continue;
    }
    if (one.idle_since && !was_used) continue;
    one.idle_since = now;
    one.strangers.assign(one.strangers.size(), false);
  }
  // The newest first: of idle ones, clients get the oldest.
  for (auto which = conns.end(); which != conns.begin() && open > settings->init_dc_connections;) {
    --which;
    auto& one = which->second;
    if (!one.takes_clients() || !one.idle_since || is_needed(one) ||
        now - *one.idle_since < settings->dc_idle_timeout)
      continue;
    // Handlers take it no more; one may have done so a moment ago.
    withdraw(one);
    if (one.load->clients > 0) {
      offer(one);
      continue;
    }
    spdlog::debug("dc {}: {} closed: no clients for {} s", dc, to_string(one.to),
                  settings->dc_idle_timeout.count());
    idle_closed.add();
    which = drop(which);
    --open;
  }
  if (open > settings->init_dc_connections)
    tick_at(now + std::max<time_point::duration>(settings->dc_idle_timeout, 4s) / 4);
}

bool dc_pool_state::is_needed(const conn& idle) const {
  const auto now = status();
  // The next clients would make the pool grow again.
  if (now.n_upstreams * 4 >
      side->core.config.get()->clients_per_dc_connection * 3 * (now.n_downstreams - 1))
    return true;
  // Clients of its reactor that are elsewhere will need it when they migrate.
  const auto alone = [&](const auto& item) {
    return item.second.ready && item.second.reactor == idle.reactor;
  };
  const auto strangers_from_here = [&](const auto& item) {
    return item.second.ready && item.second.strangers[idle.reactor];
  };
  return std::ranges::count_if(conns, alone) == 1 &&
         std::ranges::any_of(conns, strangers_from_here);
}

void dc_pool_state::handle_lost(conn_map::iterator which, const dc_conn_lost& lost) {
  withdraw(which->second);
  const auto gone = std::move(which->second);
  conns.erase(which);
  const auto now = self->clock().now();
  last_failure = to_string(gone.to) + ": " + lost.reason;
  const bool short_lived = gone.ready && !lost.served && now - gone.ready_since < short_life;
  // Perhaps it is one that ends the connection over a flag it does not know: tried again at once.
  const bool over_the_offer = lost.in_handshake && std::exchange(offer_crc32c, false);
  if (short_lived && is_open_to(gone.to))
    backoff.rest(gone.to, now);
  else if (short_lived || (!gone.ready && !over_the_offer))
    backoff.failed(gone.to, now);
  if (lost.keys_in_doubt && !over_the_offer)
    caf::anon_send(side->core.names.find(names::dc_config), dc_keys_in_doubt{dc});
  check_outage();
  keep_minimum();
  serve_waiting();
}

void dc_pool_state::check_outage() {
  const auto ready = [](const auto& item) { return item.second.ready; };
  if (outage_told || last_failure.empty() || std::ranges::any_of(conns, ready)) return;
  const auto now = self->clock().now();
  if (!down_since) down_since = now;
  if (now - *down_since < outage_after) return tick_at(*down_since + outage_after);
  outage_told = true;
  caf::anon_send(side->core.names.find(names::dc_config), dc_outage{dc, last_failure});
}

void dc_pool_state::handle_down(const caf::down_msg& down) {
  const auto which = std::ranges::find_if(
      conns, [&](const auto& item) { return item.second.handle == down.source; });
  if (which == conns.end()) return;  // it has said so itself
  handle_lost(which, {.number = which->first, .reason = "crashed"});
}

std::vector<endpoint_candidate> dc_pool_state::candidates() const {
  std::vector<endpoint_candidate> out;
  const bool prefer_v6 = side->core.config.get()->prefer_ipv6;
  const auto now = self->clock().now();
  for (const auto& at : side->telegram.get()->endpoints(dc, prefer_v6)) {
    endpoint_candidate one{.at = at, .rank = at.ip.is_v4() == prefer_v6 ? 1U : 0U};
    for (const auto& [number, connection] : conns) {
      if (connection.to != at) continue;
      ++(connection.ready ? one.open : one.pending);
      if (connection.overdue(now)) ++one.overdue;
    }
    out.push_back(one);
  }
  return out;
}

unsigned dc_pool_state::emptiest_reactor() const {
  std::vector<std::size_t> count(side->core.reactors.size());
  for (const auto& [number, one] : conns)
    ++count[one.reactor];
  // DCs start at different reactors, so that single connections do not pile up on the first.
  const auto first = static_cast<std::size_t>(std::abs(dc)) * 2 + (dc < 0 ? 1 : 0);
  auto best = first % count.size();
  for (std::size_t i = 0; i < count.size(); ++i) {
    const auto at = (first + i) % count.size();
    if (count[at] < count[best]) best = at;
  }
  return static_cast<unsigned>(best);
}

bool dc_pool_state::is_open_to(const endpoint& at) const {
  return std::ranges::any_of(
      conns, [&](const auto& item) { return item.second.ready && item.second.to == at; });
}

std::size_t dc_pool_state::ready() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(conns, [](const auto& item) { return item.second.ready; }));
}

std::size_t dc_pool_state::on_their_way() const {
  const auto now = self->clock().now();
  return static_cast<std::size_t>(std::ranges::count_if(
      conns, [&](const auto& item) { return !item.second.ready && !item.second.overdue(now); }));
}

void dc_pool_state::watch_expected() {
  const auto now = self->clock().now();
  for (const auto& [number, one] : conns)
    if (!one.ready && !one.overdue(now)) tick_at(one.expected_by);
}

}  // namespace mtp::actors
