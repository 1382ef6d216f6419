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

dc_pool_state::dc_pool_state(caf::event_based_actor* actor)
    : self{actor}, backoff{[] { return net::random_between(0, 999) / 1000.0; }} {}

dc_pool_state::~dc_pool_state() {
  for (auto& [number, one] : conns)
    withdraw(one);
  // They ask again, and find the pool that takes over.
  for (const auto& one : waiting)
    caf::anon_send(one.request.client, stream_frame{one.request.stream, stream::migrate{}});
}

// -- clients ------------------------------------------------------------------------------------

void dc_pool_state::handle_open(open_stream& request) {
  // Nobody overtakes those who wait.
  if (auto* const best = waiting.empty() ? choose_conn(request.reactor) : nullptr) {
    assign(request, *best);
    return;
  }
  const auto refuse = [&](refusal why) {
    caf::anon_send(request.client, stream_frame{request.stream, stream::refused{why}});
  };
  // The original's empty pool: nobody keeps connections here, so none can be expected soon.
  if (request.request.migrating && side->core.config.get()->init_dc_connections == 0 &&
      conns.empty())
    return refuse(refusal::no_conn);
  if (waiting.size() >= max_waiting_clients) return refuse(refusal::overloaded);
  const auto now = self->clock().now();
  waiting.push_back({.request = std::move(request), .since = now});
  tick_at(now + side->core.config.get()->dc_wait_timeout);
  keep_minimum();
  serve_waiting();
}

void dc_pool_state::handle_cancel(stream_id stream) {
  if (std::erase_if(waiting, [&](const auto& one) { return one.request.stream == stream; }) > 0)
    return;
  // Assigned already. Which connection has it is known only there, if it has not come back.
  assigning.erase(stream);
  for (const auto& [number, one] : conns)
    if (one.takes_clients()) caf::anon_send(one.handle, stream_frame{stream, stream::close{}});
}

dc_pool_state::conn* dc_pool_state::choose_conn(unsigned reactor) {
  conn* best = nullptr;
  conn* best_local = nullptr;
  const auto load = [](const conn& one) { return one.load->clients.load(); };
  for (auto& [number, one] : conns) {
    if (!one.takes_clients()) continue;
    if (best == nullptr || load(one) < load(*best)) best = &one;
    if (one.reactor == reactor && (best_local == nullptr || load(one) < load(*best_local)))
      best_local = &one;
  }
  // Staying on one thread is worth more than even loads, until a connection is full.
  if (best_local != nullptr &&
      load(*best_local) <= side->core.config.get()->clients_per_dc_connection)
    return best_local;
  return best;
}

void dc_pool_state::assign(const open_stream& request, conn& to) {
  to.load->add_client();
  if (to.reactor != request.reactor) to.strangers[request.reactor] = true;
  grow_after(to, request.reactor);
  assigning.insert(request.stream);
  // A connection that crashes before it takes the client returns the request.
  self->request(to.handle, caf::infinite, request)
      .then([this, stream = request.stream] { assigning.erase(stream); },
            [this, request](const caf::error&) {
              if (assigning.erase(request.stream) == 0) return;  // cancelled meanwhile
              auto again = request;
              handle_open(again);
            });
}

void dc_pool_state::serve_waiting() {
  while (!waiting.empty()) {
    auto* const best = choose_conn(waiting.front().request.reactor);
    if (best == nullptr) return;
    // After an outage everybody waits: the first connection up is not to have them all.
    const auto full = side->core.config.get()->clients_per_dc_connection * 3 / 2;
    if (best->load->clients > full && on_their_way() > 0) return;
    const auto next = std::move(waiting.front());
    waiting.pop_front();
    assign(next.request, *best);
  }
}

void dc_pool_state::expire_waiting() {
  const auto now = self->clock().now();
  while (!waiting.empty() &&
         now - waiting.front().since >= side->core.config.get()->dc_wait_timeout) {
    const auto& request = waiting.front().request;
    caf::anon_send(request.client, stream_frame{request.stream, stream::refused{refusal::no_conn}});
    waiting.pop_front();
  }
  if (!waiting.empty()) tick_at(waiting.front().since + side->core.config.get()->dc_wait_timeout);
}

// -- time and status ----------------------------------------------------------------------------

void dc_pool_state::tick() {
  next_tick.reset();
  expire_waiting();
  check_outage();
  keep_minimum();
  // Connections that are overdue keep nobody waiting for another one.
  serve_waiting();
  close_idle();
  watch_expected();
}

void dc_pool_state::tick_at(time_point when) {
  if (next_tick && *next_tick <= when) return;
  next_tick = when;
  // An earlier tick takes the place of a later one.
  self->delayed_send(self, std::max(when - self->clock().now(), time_point::duration{0}),
                     pool_tick{++last_tick});
}

dc_pool_status dc_pool_state::status() const {
  dc_pool_status out{.dc = dc, .n_pending = conns.size() - ready(), .n_waiting = waiting.size()};
  for (const auto& [number, one] : conns) {
    if (!one.ready) continue;
    const auto clients = one.load->clients.load();
    out.min = out.n_downstreams == 0 ? clients : std::min(out.min, clients);
    out.max = std::max(out.max, clients);
    out.n_upstreams += clients;
    ++out.n_downstreams;
  }
  if (out.n_downstreams == 0) out.last_failure = last_failure;
  return out;
}

std::vector<pool_conn_status> dc_pool_state::list() const {
  std::vector<pool_conn_status> out;
  for (const auto& [number, one] : conns)
    out.push_back({.number = number,
                   .handle = one.handle,
                   .reactor = one.reactor,
                   .to = one.to,
                   .ready = one.ready,
                   .clients = one.load->clients.load()});
  return out;
}

caf::behavior dc_pool(caf::stateful_actor<dc_pool_state>* self, uplink_side& side, dc_id dc) {
  auto& state = self->state;
  state.side = &side;
  state.dc = dc;
  state.config = side.telegram.get();
  state.strangers.resize(side.core.reactors.size());
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
      [&state](const dc_conn_lost& lost) {
        const auto which = state.conns.find(lost.number);
        if (which != state.conns.end()) state.handle_lost(which, lost);
      },
      [&state](const telegram_config_changed&) { state.handle_config_change(); },
      [&state](config_changed) {
        // There may be more wanted, or fewer.
        state.keep_minimum();
        state.tick_at(state.self->clock().now());
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
