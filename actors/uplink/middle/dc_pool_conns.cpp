// The connections of a pool: does what the policy says.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <caf/all.hpp>
#include <limits>

#include "actors/core/names.hpp"
#include "actors/core/supervisor.hpp"
#include "actors/uplink/middle/dc_pool.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

}  // namespace

caf::actor dc_conn_start::operator()() const {
  return net::spawn_pinned<dc_conn>(*side->core.reactors[reactor], std::ref(*side), options);
}

void dc_pool_state::keep_minimum() {
  const bool some_overdue = policy->some_overdue(now());
  while (policy->is_short(waiting.size(), limits(), now()) &&
         connect(policy->emptiest_reactor(), some_overdue)) {
  }
}

/// What failed for a reason that is gone is tried again at once.
void dc_pool_state::handle_config_change() {
  const auto before = std::exchange(config, side->telegram.get());
  const bool new_keys = before->secret != config->secret ||
                        before->external_v4 != config->external_v4 ||
                        before->external_v6 != config->external_v6;
  const auto known = config->endpoints(dc, false);
  if (new_keys || before->endpoints(dc, false) != known) policy->forget_failures();
  // The offer may have been blamed for it.
  if (new_keys) offer_crc32c = true;
  for (const auto number : policy->in_vain(known, new_keys))
    drop(number);
  keep_minimum();
  serve_waiting();
  // It may be a new dc_config, which does not know.
  if (outage_told)
    caf::anon_send(side->core.names.find(names::dc_config), dc_outage{dc, last_failure});
}

bool dc_pool_state::connect(unsigned reactor, bool spare) {
  const bool prefer_v6 = side->settings()->prefer_ipv6;
  const auto attempt =
      policy->next_attempt(side->telegram.get()->endpoints(dc, prefer_v6), prefer_v6, now());
  if (!attempt.to) {
    if (attempt.chance) tick_at(*attempt.chance);
    return false;
  }
  const auto sup = side->core.names.find(names::dc_conn_sup);
  if (sup == nullptr) {
    tick_at(now() + endpoint_backoff::first_rest);
    return false;
  }
  const auto& added = policy->add(reactor, *attempt.to, spare, now());
  tick_at(added.expected_by);
  const dc_conn_options options{.dc = dc,
                                .to = added.to,
                                .pool = caf::actor{self},
                                .number = added.number,
                                .load = added.load,
                                .offer_crc32c = offer_crc32c};
  start_child order{.id = {},
                    .start = dc_conn_start{.side = side, .options = options, .reactor = reactor}};
  // No time-out: a supervisor answers at once, or has ended. A late connection would have no place.
  self->request(sup, caf::infinite, std::move(order))
      .then([this,
             number = added.number](const caf::actor& started) { handle_started(number, started); },
            [this, number = added.number](const caf::error&) {
              policy->remove(number);
              tick_at(now() + endpoint_backoff::first_rest);
            });
  return true;
}

void dc_pool_state::handle_started(std::uint64_t number, const caf::actor& started) {
  auto* const conn = policy->find(number);
  if (conn == nullptr) {
    // Lost or dropped already: it has no clients.
    caf::anon_send_exit(started, caf::exit_reason::user_shutdown);
    return;
  }
  handles[number] = started;
  conn->started = true;
  self->monitor(started);
  // It may have been ready before this answer came.
  if (!conn->ready) return;
  serve_waiting();
  offer(*conn);
}

void dc_pool_state::handle_connected(std::uint64_t number) {
  auto* const conn = policy->find(number);
  if (conn == nullptr) return;
  pool_policy::connected(*conn, now());
  tick_at(conn->expected_by);
}

void dc_pool_state::handle_ready(std::uint64_t number) {
  auto* const up = policy->find(number);
  if (up == nullptr) return;
  policy->became_ready(*up, now());
  down_since.reset();
  // The pool before this one may have told an outage.
  const bool is_first = !std::exchange(was_ready, true);
  if (std::exchange(outage_told, false) || is_first)
    caf::anon_send(side->core.names.find(names::dc_config), dc_recovery{dc});
  serve_waiting();
  offer(*up);
  drop_rivals(*up);
  // The endpoint may have been tried with one connection only.
  keep_minimum();
  close_idle();
}

void dc_pool_state::drop_rivals(const pool_conn& winner) {
  const auto rivals = policy->beaten_by(winner, waiting.size(), limits(), now());
  overtaken.add(rivals.overtaken);
  for (const auto number : rivals.to_drop) {
    spdlog::debug("dc {}: {} was overtaken by {}", dc, to_string(policy->find(number)->to),
                  to_string(winner.to));
    drop(number);
  }
}

/// Call it after `serve_waiting`: clients that wait come first.
void dc_pool_state::offer(const pool_conn& conn) {
  if (conn.takes_clients()) side->conns.offer(dc, conn.reactor, handles.at(conn.number), conn.load);
}

void dc_pool_state::withdraw(const pool_conn& conn) {
  if (conn.started) side->conns.withdraw(dc, conn.reactor, handles.at(conn.number));
}

void dc_pool_state::drop(std::uint64_t number) {
  withdraw(*policy->find(number));
  policy->remove(number);
  if (const auto known = handles.extract(number))
    caf::anon_send_exit(known.mapped(), caf::exit_reason::user_shutdown);
}

void dc_pool_state::close_idle() {
  if (policy->ready() <= limits().minimum) return;
  policy->note_idle(now());
  auto before = std::numeric_limits<std::uint64_t>::max();
  while (const auto idle = policy->next_idle(before, limits(), now())) {
    before = *idle;
    const auto& conn = *policy->find(*idle);
    // From now on no client_conn takes it; one may have done so a moment ago.
    withdraw(conn);
    if (conn.load->clients > 0) {
      offer(conn);
      continue;
    }
    spdlog::debug("dc {}: {} closed: no clients for {} s", dc, to_string(conn.to),
                  limits().idle_timeout.count());
    idle_closed.add();
    drop(*idle);
  }
  if (policy->ready() > limits().minimum)
    tick_at(now() + std::max<time_point::duration>(limits().idle_timeout, 4s) / 4);
}

void dc_pool_state::handle_lost(const dc_conn_lost& lost) {
  const auto* const gone = policy->find(lost.number);
  if (gone == nullptr) return;
  withdraw(*gone);
  last_failure = to_string(gone->to) + ": " + lost.reason;
  // Perhaps it is one that ends the connection over a flag it does not know: tried again at once.
  const bool over_the_offer = lost.in_handshake && std::exchange(offer_crc32c, false);
  policy->lost(lost.number, {.served = lost.served, .forgiven = over_the_offer}, now());
  handles.erase(lost.number);
  if (lost.keys_in_doubt && !over_the_offer)
    caf::anon_send(side->core.names.find(names::dc_config), dc_keys_in_doubt{dc});
  check_outage();
  keep_minimum();
  serve_waiting();
}

void dc_pool_state::check_outage() {
  if (outage_told || last_failure.empty() || policy->ready() > 0) return;
  if (!down_since) down_since = now();
  if (now() - *down_since < outage_after) return tick_at(*down_since + outage_after);
  outage_told = true;
  caf::anon_send(side->core.names.find(names::dc_config), dc_outage{dc, last_failure});
}

void dc_pool_state::handle_down(const caf::down_msg& down) {
  const auto known =
      std::ranges::find_if(handles, [&](const auto& item) { return item.second == down.source; });
  if (known == handles.end()) return;  // it has said so itself
  handle_lost({.number = known->first, .reason = "crashed"});
}

void dc_pool_state::watch_expected() {
  for (const auto& [number, conn] : policy->conns())
    if (!conn.ready && !conn.overdue(now())) tick_at(conn.expected_by);
}

}  // namespace mtp::actors
