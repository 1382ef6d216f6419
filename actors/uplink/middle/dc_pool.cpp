// The pool: its clients, its messages. Its connections are in dc_pool_conns.cpp.
#include "actors/uplink/middle/dc_pool.hpp"
#include "actors/core/names.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/core/metric_names.hpp"
#include "net/loop/entropy.hpp"

namespace mtp::actors {

namespace {

/// Message to itself: look at what time has changed.
struct pool_tick {
  std::uint64_t number = 0;
};

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::pool_tick)

namespace mtp::actors {

dc_pool_state::dc_pool_state(caf::event_based_actor* actor) : self{actor} {}

dc_pool_state::~dc_pool_state() {
  if (!policy) return;  // it never began
  for (const auto& [number, conn] : policy->conns())
    withdraw(conn);
  // They ask again, and find the pool that takes over.
  for (const auto& waiter : waiting)
    caf::anon_send(waiter.request.client,
                   frame_to_client{waiter.request.stream, stream::migrate{}});
}

// -- clients ------------------------------------------------------------------------------------

void dc_pool_state::handle_open(open_stream& request) {
  // No client overtakes the clients that wait.
  if (auto* const best = waiting.empty() ? policy->choose(request.reactor, limits()) : nullptr) {
    assign(request, *best);
    return;
  }
  const auto refuse = [&](refusal why) {
    caf::anon_send(request.client, frame_to_client{request.stream, stream::refused{why}});
  };
  // The original's empty pool: no connections are kept here, so none can be expected soon.
  if (request.request.migrating && side->settings()->init_dc_connections == 0 &&
      policy->conns().empty())
    return refuse(refusal::no_conn);
  if (waiting.size() >= max_waiting_clients) return refuse(refusal::overloaded);
  waiting.push_back({.request = std::move(request), .since = now()});
  tick_at(now() + side->settings()->dc_wait_timeout);
  keep_minimum();
  serve_waiting();
}

void dc_pool_state::handle_cancel(stream_id stream) {
  if (std::erase_if(waiting, [&](const auto& waiter) { return waiter.request.stream == stream; }) >
      0)
    return;
  // Assigned already. Which connection has it is known only there, if it has not come back.
  assigning.erase(stream);
  for (const auto& [number, conn] : policy->conns())
    if (conn.takes_clients())
      caf::anon_send(handles.at(number), frame_from_client{stream, stream::close{}});
}

void dc_pool_state::assign(const open_stream& request, pool_conn& to) {
  const auto handle = handles.at(to.number);
  auto order = request;
  order.counted = counted_client{to.load};
  for (auto more = policy->assign(to, request.reactor, limits(), now()); more > 0; --more)
    if (!connect(request.reactor)) break;
  assigning.insert(request.stream);
  // A connection that crashes before it takes the client returns the request. No time-out: it
  // answers at once, or has ended, and a client that has waited for too long cancels.
  self->request(handle, caf::infinite, std::move(order))
      .then([this, stream = request.stream] { assigning.erase(stream); },
            [this, request](const caf::error&) {
              if (assigning.erase(request.stream) == 0) return;  // cancelled meanwhile
              auto again = request;
              handle_open(again);
            });
}

void dc_pool_state::serve_waiting() {
  while (!waiting.empty()) {
    auto* const best = policy->choose(waiting.front().request.reactor, limits());
    if (best == nullptr || policy->is_worth_waiting(*best, limits(), now())) return;
    const auto next = std::move(waiting.front());
    waiting.pop_front();
    assign(next.request, *best);
  }
}

void dc_pool_state::expire_waiting() {
  while (!waiting.empty() && now() - waiting.front().since >= side->settings()->dc_wait_timeout) {
    const auto& request = waiting.front().request;
    caf::anon_send(request.client,
                   frame_to_client{request.stream, stream::refused{refusal::no_conn}});
    waiting.pop_front();
  }
  if (!waiting.empty()) tick_at(waiting.front().since + side->settings()->dc_wait_timeout);
}

// -- time and status ----------------------------------------------------------------------------

void dc_pool_state::tick() {
  next_tick.reset();
  expire_waiting();
  check_outage();
  keep_minimum();
  // Clients do not go on waiting for connections that are overdue by now.
  serve_waiting();
  close_idle();
  watch_expected();
}

void dc_pool_state::tick_at(time_point when) {
  if (next_tick && *next_tick <= when) return;
  next_tick = when;
  // An earlier tick takes the place of a later one.
  self->delayed_send(self, std::max(when - now(), time_point::duration{0}), pool_tick{++last_tick});
}

dc_pool_status dc_pool_state::status() const {
  dc_pool_status result{
      .dc = dc, .n_pending = policy->conns().size() - policy->ready(), .n_waiting = waiting.size()};
  for (const auto& [number, conn] : policy->conns()) {
    if (!conn.ready) continue;
    const auto clients = conn.load->clients.load();
    result.min = result.n_conns == 0 ? clients : std::min(result.min, clients);
    result.max = std::max(result.max, clients);
    result.n_clients += clients;
    ++result.n_conns;
  }
  if (result.n_conns == 0) result.last_failure = last_failure;
  return result;
}

std::vector<pool_conn_status> dc_pool_state::list() const {
  std::vector<pool_conn_status> result;
  for (const auto& [number, conn] : policy->conns())
    result.push_back({.number = number,
                      .handle = conn.started ? handles.at(number) : nullptr,
                      .reactor = conn.reactor,
                      .to = conn.to,
                      .ready = conn.ready,
                      .clients = conn.load->clients.load()});
  return result;
}

pool_limits dc_pool_state::limits() const {
  const auto settings = side->settings();
  return {.minimum = settings->init_dc_connections,
          .clients_per_conn = settings->clients_per_dc_connection,
          .idle_timeout = settings->dc_idle_timeout};
}

caf::behavior dc_pool(caf::stateful_actor<dc_pool_state>* self, uplink_side& side, dc_id dc) {
  auto& state = self->state;
  state.side = &side;
  state.dc = dc;
  state.config = side.telegram.get();
  state.policy.emplace(dc, side.core.reactors.size(),
                       [] { return net::random_between(0, 999) / 1000.0; });
  state.idle_closed = side.core.metrics.get_counter("mtproto_proxy_dc_idle_closed_total",
                                                    "DC connections closed for want of clients",
                                                    {{"dc_id", std::to_string(dc)}});
  state.overtaken = out_connect_error(side.core.metrics, std::to_string(dc), "overtaken");
  self->set_down_handler([&state](const caf::down_msg& down) { state.handle_down(down); });
  state.keep_minimum();
  return {
      [&state](open_stream& request) { state.handle_open(request); },
      [&state](const cancel_stream& cancel) { state.handle_cancel(cancel.stream); },
      [&state](const dc_conn_connected& up) { state.handle_connected(up.number); },
      [&state](const dc_conn_ready& ready) { state.handle_ready(ready.number); },
      [&state](const dc_conn_lost& lost) { state.handle_lost(lost); },
      [&state](const telegram_config_changed&) { state.handle_config_change(); },
      [&state](config_changed) {
        for (const auto& [number, conn] : state.handles)
          caf::anon_send(conn, config_changed{});
        // There may be more wanted, or fewer.
        state.keep_minimum();
        state.tick_at(state.now());
      },
      [&state](const pool_tick& tick) {
        if (tick.number == state.last_tick) state.tick();
      },
      [&state](const get_dc_pool_status&) { return state.status(); },
      [&state](const list_pool_conns&) { return state.list(); },
  };
}

caf::actor spawn_dc_pool(uplink_side& side, dc_id dc) {
  return net::spawn_quiet<caf::stateful_actor<dc_pool_state>>(
      side.core.system(), [&side, dc](auto* self) { return dc_pool(self, side, dc); });
}

}  // namespace mtp::actors
