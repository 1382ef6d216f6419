#include "actors/dc_pool.hpp"

#include <algorithm>
#include <caf/all.hpp>

#include "actors/supervisor.hpp"
#include "net/entropy.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// Message to itself: look at endpoints that rested and at clients that wait.
struct pool_tick {
  std::uint64_t number = 0;
};

/// The most connections on their way at once, as the original.
constexpr std::size_t burst_max = 10;
/// A connection that Telegram closes this soon counts as a failed attempt: something is wrong with
/// it.
constexpr auto short_life = 2s;
/// This many clients served by another reactor's connections get one on their own.
constexpr std::size_t strangers_max = 8;

}  // namespace

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::pool_tick)

namespace mtp::actors {

caf::actor dc_conn_start::operator()() const {
  return net::spawn_pinned<dc_conn>(*env->reactors[reactor], std::ref(*env), options);
}

std::string dc_pool_name(dc_id dc) {
  return "dc_pool_" + std::to_string(dc);
}

dc_pool_state::dc_pool_state(caf::event_based_actor* actor)
    : self{actor}, backoff{[] { return net::random_between(0, 999) / 1000.0; }} {}

dc_pool_state::~dc_pool_state() {
  // They ask again, and find the pool that takes over.
  for (const auto& one : waiting)
    caf::anon_send(one.request.client, stream_frame{one.request.stream, stream::migrate{}});
}

// -- clients ------------------------------------------------------------------------------------

void dc_pool_state::handle_open(open_stream& request) {
  if (auto* const best = choose_link(request.reactor)) {
    assign(request, *best);
    return;
  }
  const auto refuse = [&](refusal why) {
    caf::anon_send(request.client, stream_frame{request.stream, stream::refused{why}});
  };
  // The original's empty pool: nobody keeps connections here, so none can be expected soon.
  if (request.request.migrating && env->settings.init_dc_connections == 0 && links.empty())
    return refuse(refusal::no_link);
  if (waiting.size() >= max_waiting_clients) return refuse(refusal::overloaded);
  const auto now = self->clock().now();
  waiting.push_back({.request = std::move(request), .since = now});
  tick_at(now + env->settings.dc_wait_timeout);
  keep_minimum();
}

void dc_pool_state::handle_cancel(stream_id stream) {
  if (std::erase_if(waiting, [&](const auto& one) { return one.request.stream == stream; }) > 0)
    return;
  // Assigned already. Which connection has it is known only there, if it has not come back.
  assigning.erase(stream);
  for (const auto& [number, one] : links)
    if (one.takes_clients()) caf::anon_send(one.handle, stream_frame{stream, stream::close{}});
}

dc_pool_state::link* dc_pool_state::choose_link(unsigned reactor) {
  link* best = nullptr;
  link* best_local = nullptr;
  const auto load = [](const link& one) { return one.load->clients.load(); };
  for (auto& [number, one] : links) {
    if (!one.takes_clients()) continue;
    if (best == nullptr || load(one) < load(*best)) best = &one;
    if (one.reactor == reactor && (best_local == nullptr || load(one) < load(*best_local)))
      best_local = &one;
  }
  // Staying on one thread is worth more than even loads, until a connection is full.
  if (best_local != nullptr && load(*best_local) <= env->settings.clients_per_dc_connection)
    return best_local;
  return best;
}

void dc_pool_state::assign(const open_stream& request, link& to) {
  to.load->clients.fetch_add(1);
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
    auto* const best = choose_link(waiting.front().request.reactor);
    if (best == nullptr) return;
    // After an outage everybody waits: the first connection up is not to have them all.
    const auto full = env->settings.clients_per_dc_connection * 3 / 2;
    if (best->load->clients > full && pending() > 0) return;
    const auto next = std::move(waiting.front());
    waiting.pop_front();
    assign(next.request, *best);
  }
}

void dc_pool_state::expire_waiting() {
  const auto now = self->clock().now();
  while (!waiting.empty() && now - waiting.front().since >= env->settings.dc_wait_timeout) {
    const auto& request = waiting.front().request;
    caf::anon_send(request.client, stream_frame{request.stream, stream::refused{refusal::no_link}});
    waiting.pop_front();
  }
  if (!waiting.empty()) tick_at(waiting.front().since + env->settings.dc_wait_timeout);
}

// -- connections --------------------------------------------------------------------------------

void dc_pool_state::grow_after(const link& assigned, unsigned reactor) {
  const auto load = assigned.load->clients.load();
  const auto per_connection = env->settings.clients_per_dc_connection;
  const auto on_their_way = pending();
  std::size_t wanted = 0;
  if (load > per_connection && on_their_way == 0) wanted = 2;
  // To survive a first rush of clients.
  if (load > per_connection + per_connection / 2 && on_their_way < burst_max)
    wanted = burst_max - on_their_way;
  if (assigned.reactor != reactor && ++strangers[reactor] >= strangers_max) {
    const auto local = [&](const auto& item) { return item.second.reactor == reactor; };
    if (std::ranges::none_of(links, local)) wanted = std::max<std::size_t>(wanted, 1);
    strangers[reactor] = 0;
  }
  for (; wanted > 0 && connect(reactor); --wanted) {
  }
}

void dc_pool_state::keep_minimum() {
  const auto per_connection = std::max<std::size_t>(env->settings.clients_per_dc_connection, 1);
  const auto for_waiting = (waiting.size() + per_connection - 1) / per_connection;
  const auto wanted = std::max(env->settings.init_dc_connections, std::min(for_waiting, burst_max));
  while (links.size() < wanted && connect(emptiest_reactor())) {
  }
}

bool dc_pool_state::connect(unsigned reactor) {
  const auto now = self->clock().now();
  const auto known = candidates();
  const auto to = backoff.choose(known, now);
  if (!to) {
    // Either all rest, or the only one that does not is being tried.
    const auto chance = backoff.next_chance(known, now);
    if (chance > now) tick_at(chance);
    return false;
  }
  const auto sup = env->names.find("dc_conn_sup");
  if (sup == nullptr) {
    tick_at(now + endpoint_backoff::first_rest);
    return false;
  }
  const auto number = ++last_number;
  link added{.handle = nullptr,
             .reactor = reactor,
             .to = *to,
             .ready = false,
             .ready_since = {},
             .load = std::make_shared<link_load>()};
  const dc_conn_options options{.dc = dc,
                                .to = *to,
                                .pool = caf::actor{self},
                                .number = number,
                                .load = added.load,
                                .offer_crc32c = offer_crc32c};
  links.emplace(number, std::move(added));
  start_child order{.id = {},
                    .start = dc_conn_start{.env = env, .options = options, .reactor = reactor}};
  self->request(sup, caf::infinite, std::move(order))
      .then(
          [this, number](const caf::actor& started) {
            const auto which = links.find(number);
            if (which == links.end()) return;
            which->second.handle = started;
            self->monitor(started);
            // It may have been ready before this answer came.
            if (which->second.ready) serve_waiting();
          },
          [this, number](const caf::error&) {
            links.erase(number);
            tick_at(self->clock().now() + endpoint_backoff::first_rest);
          });
  return true;
}

void dc_pool_state::handle_ready(std::uint64_t number) {
  const auto which = links.find(number);
  if (which == links.end()) return;
  which->second.ready = true;
  which->second.ready_since = self->clock().now();
  backoff.succeeded(which->second.to);
  down_since.reset();
  if (std::exchange(outage_told, false))
    caf::anon_send(env->names.find("dc_config"), dc_recovery{dc});
  serve_waiting();
}

void dc_pool_state::handle_lost(link_map::iterator which, const link_lost& lost) {
  const auto gone = std::move(which->second);
  links.erase(which);
  const auto now = self->clock().now();
  last_failure = to_string(gone.to) + ": " + lost.reason;
  const bool failed = !gone.ready || (!lost.served && now - gone.ready_since < short_life);
  // Perhaps it is one that ends the connection over a flag it does not know: tried again at once.
  const bool over_the_offer = lost.in_handshake && std::exchange(offer_crc32c, false);
  if (failed && !over_the_offer) backoff.failed(gone.to, now);
  check_outage();
  keep_minimum();
  serve_waiting();
}

void dc_pool_state::check_outage() {
  const auto ready = [](const auto& item) { return item.second.ready; };
  if (outage_told || last_failure.empty() || std::ranges::any_of(links, ready)) return;
  const auto now = self->clock().now();
  if (!down_since) down_since = now;
  if (now - *down_since < outage_after) return tick_at(*down_since + outage_after);
  outage_told = true;
  caf::anon_send(env->names.find("dc_config"), dc_outage{dc, last_failure});
}

void dc_pool_state::handle_down(const caf::down_msg& down) {
  const auto which = std::ranges::find_if(
      links, [&](const auto& item) { return item.second.handle == down.source; });
  if (which == links.end()) return;  // it has said so itself
  handle_lost(which, {.number = which->first, .reason = "crashed"});
}

std::vector<endpoint_candidate> dc_pool_state::candidates() const {
  std::vector<endpoint_candidate> out;
  const bool prefer_v6 = env->settings.prefer_ipv6;
  for (const auto& at : env->telegram.get()->endpoints(dc, prefer_v6)) {
    endpoint_candidate one{.at = at, .rank = at.ip.is_v4() == prefer_v6 ? 1U : 0U};
    for (const auto& [number, connection] : links)
      if (connection.to == at) ++(connection.ready ? one.open : one.pending);
    out.push_back(one);
  }
  return out;
}

unsigned dc_pool_state::emptiest_reactor() const {
  std::vector<std::size_t> count(env->reactors.size());
  for (const auto& [number, one] : links)
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

std::size_t dc_pool_state::pending() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(links, [](const auto& item) { return !item.second.ready; }));
}

void dc_pool_state::tick_at(time_point when) {
  if (next_tick && *next_tick <= when) return;
  next_tick = when;
  // An earlier tick takes the place of a later one.
  self->delayed_send(self, std::max(when - self->clock().now(), time_point::duration{0}),
                     pool_tick{++last_tick});
}

dc_pool_status dc_pool_state::status() const {
  dc_pool_status out{.dc = dc, .n_pending = pending(), .n_waiting = waiting.size()};
  for (const auto& [number, one] : links) {
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

std::vector<dc_link_status> dc_pool_state::list() const {
  std::vector<dc_link_status> out;
  for (const auto& [number, one] : links)
    out.push_back({.number = number,
                   .handle = one.handle,
                   .reactor = one.reactor,
                   .to = one.to,
                   .ready = one.ready,
                   .clients = one.load->clients.load()});
  return out;
}

caf::behavior dc_pool(caf::stateful_actor<dc_pool_state>* self, environment& env, dc_id dc) {
  auto& state = self->state;
  state.env = &env;
  state.dc = dc;
  state.strangers.resize(env.reactors.size());
  self->set_down_handler([&state](const caf::down_msg& down) { state.handle_down(down); });
  state.keep_minimum();
  return {
      [&state](open_stream& request) { state.handle_open(request); },
      [&state](const cancel_stream& cancel) { state.handle_cancel(cancel.stream); },
      [&state](const link_ready& ready) { state.handle_ready(ready.number); },
      [&state](const link_lost& lost) {
        const auto which = state.links.find(lost.number);
        if (which != state.links.end()) state.handle_lost(which, lost);
      },
      [&state](const telegram_config_changed&) { state.keep_minimum(); },
      [&state](const pool_tick& tick) {
        if (tick.number != state.last_tick) return;
        state.next_tick.reset();
        state.expire_waiting();
        state.check_outage();
        state.keep_minimum();
      },
      [&state](const get_dc_pool_status&) { return state.status(); },
      [&state](const list_dc_links&) { return state.list(); },
  };
}

caf::actor spawn_dc_pool(environment& env, dc_id dc) {
  return env.system().spawn(
      [&env, dc](caf::stateful_actor<dc_pool_state>* self) { return dc_pool(self, env, dc); });
}

}  // namespace mtp::actors
