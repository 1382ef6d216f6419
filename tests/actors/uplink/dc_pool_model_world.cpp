#include "tests/actors/uplink/dc_pool_model_world.hpp"

#include <algorithm>

#include "actors/core/names.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t burst_max = 10;
constexpr auto wait_timeout = 10s;
constexpr auto idle_timeout = 20s;

}  // namespace

dc_pool_world::dc_pool_world(std::size_t init) : node_{reactors} {
  node_.configure([&](auto& settings) {
    settings.uplink.init_dc_connections = init;
    settings.uplink.clients_per_dc_connection = per_connection;
    settings.uplink.dc_wait_timeout = wait_timeout;
    settings.uplink.dc_idle_timeout = idle_timeout;
  });
  auto config = std::make_shared<telegram_config>();
  config->secret = secret_;
  for (std::size_t i = 0; i < endpoints; ++i) {
    at_[i] = telegram_[i].at();
    config->v4.endpoints[modelled_dc].push_back(at_[i]);
  }
  node_.uplink.telegram.set(std::move(config));
  node_.core.names.put("dc_config", config_.handle());
  node_.core.names.put("dc_conn_sup",
                       node_.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
                         return {[this](const start_child& order) { return adopt(order); }};
                       }));
  pool_ = spawn_dc_pool(node_.uplink, modelled_dc);
  node_.core.names.put(names::dc_pool(modelled_dc), pool_);
  react();
}

dc_pool_world::~dc_pool_world() {
  caf::anon_send_exit(pool_, caf::exit_reason::kill);
  for (auto& client : clients_)
    caf::anon_send_exit(client.handle, caf::exit_reason::kill);
  for (auto& conn : conns_)
    caf::anon_send_exit(conn.handle, caf::exit_reason::kill);
  react();
  pool_ = nullptr;
  held_.clear();
  clients_.clear();
  conns_.clear();
}

void dc_pool_world::take(const step& next) {
  switch (next.kind) {
    case action::come:
      if (next.at_once)
        add_client(next.pick % reactors);
      else
        come_and_check_choice(next.pick % reactors);
      break;
    case action::leave:
      if (auto* const client = pick_client(next.pick))
        caf::anon_send_exit(client->handle, caf::exit_reason::user_shutdown);
      break;
    case action::die:
      if (auto* const client = pick_client(next.pick))
        caf::anon_send_exit(client->handle, caf::exit_reason::kill);
      break;
    case action::come_and_leave:
      caf::anon_send_exit(add_client(next.pick % reactors).handle, caf::exit_reason::kill);
      break;
    case action::reserve:
      reserve(next.pick % reactors);
      break;
    case action::let_go:
      let_go(next.pick);
      break;
    case action::come_late:
      if (auto held = let_go(next.pick); held.kept) add_client(held.reactor, std::move(held.kept));
      break;
    case action::become_ready:
      if (auto* const conn = pick_conn(next.pick, false)) make_ready(*conn);
      break;
    case action::fail:
      if (auto* const conn = pick_conn(next.pick, false)) lose(*conn, true);
      break;
    case action::rotate:
      if (auto* const conn = pick_conn(next.pick, true)) {
        bytes encoded;
        rpc::encode_ping(1, encoded);
        conn->peer->write(encoded);
        lose(*conn, false);
      }
      break;
    case action::close_unserved:
      if (auto* const conn = pick_conn(next.pick, true)) lose(*conn, is_young(*conn));
      break;
    case action::kill_conn:
      if (auto* const conn = pick_conn(next.pick, next.pick % 3 > 0)) {
        caf::anon_send_exit(conn->handle, caf::exit_reason::kill);
        conn->lost = true;
        if (!conn->ready || is_young(*conn)) note_failure(*conn);
      }
      break;
    case action::go_silent:
      if (auto* const conn = pick_conn(next.pick, true)) conn->silent = true;
      break;
    case action::stop_listening:
      telegram_[next.pick % endpoints].stop_listening();
      listens_[next.pick % endpoints] = false;
      break;
    case action::listen:
      if (!std::exchange(listens_[next.pick % endpoints], true))
        telegram_[next.pick % endpoints].listen(at_[next.pick % endpoints]);
      break;
    case action::pass_time:
      pass(std::array<std::chrono::milliseconds, 5>{100ms, 300ms, 1s, 5s, 40s}[next.pick % 5]);
      break;
  }
  if (!std::exchange(hurried_, next.at_once) && !next.at_once) failures_are_known();
  if (next.at_once) return;
  react();
  check();
}

void dc_pool_world::finish() {
  react();
  pass(wait_timeout + 1s);
  check();
  for (const auto& client : clients_) {
    // Whoever waits now has asked within that time.
    RC_ASSERT(client.now != client_record::state::waits || !client.left.empty());
    for (const auto& [stream, count] : client.answers)
      RC_ASSERT(count == 1);
  }
  for (auto& client : clients_)
    caf::anon_send_exit(client.handle, caf::exit_reason::kill);
  react();
  check();
  held_.clear();
  for (const auto& conn : conns_)
    RC_ASSERT(conn.load->clients == 0U);
  const auto left = status();
  RC_ASSERT(left.n_clients == 0U);
  RC_ASSERT(left.n_waiting == 0U);
  // Telegram is well again: the minimum is restored, and what is idle above it is closed.
  for (std::size_t i = 0; i < endpoints; ++i)
    take({.kind = action::listen, .pick = static_cast<unsigned>(i), .at_once = false});
  for (int i = 0; i < 100; ++i) {
    while (auto* const conn = pick_conn(0, false))
      make_ready(*conn);
    pass(1s);
  }
  const auto calm = status();
  RC_ASSERT(calm.n_conns == node_.core.config.get()->uplink.init_dc_connections);
  RC_ASSERT(calm.n_pending == 0U);
}

bool dc_pool_world::is_young(const conn_record& conn) {
  return now() - *conn.ready_since < 2s;
}

void dc_pool_world::react() {
  node_.settle();
  node_.settle();
  for (auto& conn : conns_) {
    // Its end is behind what it was sent.
    while (conn.silent && !conn.lost && conn.peer->read_raw(65'536) > 0) {
    }
    // The pool gave it up, or it stalled.
    if (!conn.lost && (conn.ended || (conn.peer && conn.peer->closed_by_peer()))) {
      conn.lost = true;
      if (conn.ended && conn.ready && !conn.silent)
        RC_ASSERT(clients_on(conn) + reserved_on(conn) == 0U);
    }
    conn.loss_is_known = conn.lost;
  }
  failures_are_known();
}

void dc_pool_world::pass(caf::timespan time) {
  for (; time.count() > 0; time -= 500ms) {
    node_.advance(std::min<caf::timespan>(time, 500ms));
    for (auto& conn : conns_) {
      if (conn.lost || !conn.ready || conn.silent) continue;
      for (const auto& body : conn.peer->read()) {
        const auto message = rpc::decode_to_dc(body);
        RC_ASSERT(message.has_value());
        if (const auto* const ping = std::get_if<rpc::ping>(&*message)) {
          bytes encoded;
          rpc::encode_pong(ping->id, encoded);
          conn.peer->write(encoded);
        }
      }
    }
    react();
  }
}

// -- connections ------------------------------------------------------------------------------

caf::actor dc_pool_world::adopt(const start_child& order) {
  const auto* const wanted = order.start.target<dc_conn_start>();
  check_attempt(wanted->options.to);
  auto& added = conns_.emplace_back();
  added.number = wanted->options.number;
  added.to = wanted->options.to;
  added.reactor = wanted->reactor;
  added.load = wanted->options.load;
  added.started = now();
  added.handle = order.start();
  added.handle->attach_functor([&added] { added.ended = true; });
  // It connects at once, so that its end at Telegram is known.
  node_.core.reactors[added.reactor]->run_once(0ms);
  for (std::size_t i = 0; i < endpoints; ++i) {
    if (at_[i] != added.to) continue;
    if (listens_[i])
      added.peer.emplace(telegram_[i].accept_one());
    else
      note_failure(added);
  }
  return added.handle;
}

void dc_pool_world::check_attempt(const endpoint& to) {
  const auto failed = failed_.find(to);
  const bool is_early = failed != failed_.end() && now() - failed->second.when < 1s &&
                        (!failed->second.others_went_on || has_open(to));
  // Before the pool has heard of it, it may try several times; not again and again.
  if (is_early && (failed->second.known || ++failed->second.unaware > burst_max))
    violation_ = "an endpoint that failed was tried again within a second";
  std::size_t pending = 0;
  for (const auto& conn : conns_) {
    if (conn.lost || conn.ended || conn.ready) continue;
    const bool overdue = now() - conn.started >= 1s;
    if (overdue && conn.to == to) violation_ = "another attempt where one hangs";
    pending += overdue ? 0 : 1;
  }
  if (pending >= burst_max) violation_ = "more than a burst of attempts at once";
}

void dc_pool_world::note_failure(const conn_record& conn) {
  auto& failed = failed_[conn.to];
  if (failed.when != now() || failed.others_went_on) failed = {.when = now()};
  failed.others_went_on = conn.ready && may_have_open(conn.to, conn);
}

/// Whether the pool may take another one to be open when it hears of the end of `but`: of ends at
/// the same time it may hear in any order.
bool dc_pool_world::may_have_open(const endpoint& at, const conn_record& but) {
  return std::ranges::any_of(conns_, [&](const auto& conn) {
    return &conn != &but && conn.to == at && conn.ready && !conn.loss_is_known;
  });
}

bool dc_pool_world::has_open(const endpoint& at) {
  return std::ranges::any_of(conns_,
                             [&](const auto& conn) { return conn.to == at && is_open(conn); });
}

void dc_pool_world::failures_are_known() {
  for (auto& [at, failed] : failed_)
    failed.known = true;
}

dc_pool_world::conn_record* dc_pool_world::pick_conn(unsigned pick, bool ready) {
  std::vector<conn_record*> some;
  for (auto& conn : conns_)
    if (conn.ready == ready && !conn.lost && !conn.ended && conn.peer) some.push_back(&conn);
  return some.empty() ? nullptr : some[pick % some.size()];
}

void dc_pool_world::make_ready(conn_record& conn) {
  // It is given up already, perhaps.
  react();
  if (conn.lost) return;
  conn.peer->answer_nonce(secret_);
  react();
  if (conn.lost) return;
  conn.peer->answer_handshake();
  conn.ready = true;
  conn.ready_since = now();
  failed_.erase(conn.to);
  react();
}

void dc_pool_world::lose(conn_record& conn, bool counts_as_failure) {
  conn.peer->close();
  conn.lost = true;
  if (counts_as_failure) note_failure(conn);
}

// -- what must hold ---------------------------------------------------------------------------

dc_pool_status dc_pool_world::status() {
  dc_pool_status status;
  node_.system().spawn([&](caf::event_based_actor* self) {
    self->request(pool_, caf::infinite, get_dc_pool_status{}).then([&](const dc_pool_status& now) {
      status = now;
    });
  });
  node_.scheduler().run();
  return status;
}

const dc_pool_state& dc_pool_world::inside() {
  return static_cast<caf::stateful_actor<dc_pool_state>&>(
             *caf::actor_cast<caf::abstract_actor*>(pool_))
      .state;
}

void dc_pool_world::check() {
  RC_ASSERT(violation_ == "");
  const auto now = status();
  std::size_t waiting = 0;
  std::size_t open = 0;
  for (const auto& client : clients_) {
    waiting += client.now == client_record::state::waits ? 1 : 0;
    open += client.now == client_record::state::is_open ? 1 : 0;
    for (const auto& [stream, count] : client.answers)
      RC_ASSERT(count == 1);
    // A client moves only if its connection was taken from it.
    for (const auto& left : client.left)
      for (const auto& conn : conns_)
        if (conn.handle == left) RC_ASSERT(conn.lost);
  }
  std::size_t ready = 0;
  std::size_t pending = 0;
  std::size_t most = 0;
  std::size_t reserved = 0;
  for (const auto& conn : conns_) {
    if (conn.lost || conn.ended) continue;
    (conn.ready ? ready : pending) += 1;
    const auto counted = clients_on(conn) + reserved_on(conn);
    RC_ASSERT(conn.load->clients == counted);
    most = std::max(most, counted);
    reserved += reserved_on(conn);
  }
  RC_ASSERT(now.n_waiting == waiting);
  RC_ASSERT(now.n_clients == open + reserved);
  RC_ASSERT(now.n_conns == ready);
  RC_ASSERT(now.n_pending == pending);
  RC_ASSERT(now.max == most);
  RC_ASSERT(inside().assigning.empty());
  // Somebody waits only for want of a connection with room.
  if (waiting > 0 && ready > 0) RC_ASSERT(pending > 0U);
}

void play(std::size_t init, const std::vector<step>& steps) {
  dc_pool_world all{init};
  for (const auto& step : steps)
    all.take(step);
  all.finish();
}

}  // namespace mtp::actors
