// A model of the pool, the twin of the original's prop_mtp_statefull: clients come, go and die;
// connections come, die and rotate; endpoints fail; time passes. The pool and its connections are
// the real ones; clients behave as client_conn does; middle proxies are moved by the test.
#include <algorithm>
#include <array>
#include <list>
#include <map>

#include "actors/core/supervisor.hpp"
#include "actors/uplink/middle/dc_pool.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/middle_proxy.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using namespace std::chrono_literals;
using time_point = net::steady_clock::time_point;

constexpr dc_id tested_dc = 2;
constexpr unsigned reactors = 2;
constexpr std::size_t endpoints = 3;
constexpr std::size_t per_connection = 4;
constexpr std::size_t burst_max = 10;
constexpr auto wait_timeout = 10s;
constexpr auto idle_timeout = 20s;

// -- commands -----------------------------------------------------------------------------------

enum class action : std::uint8_t {
  come,
  leave,
  /// Killed: nobody is told but by what happens to actors that are killed.
  die,
  come_and_leave,
  become_ready,
  fail,
  rotate,
  /// Closed by Telegram before it served anything.
  close_unserved,
  kill_conn,
  go_silent,
  stop_listening,
  listen,
  pass_time,
};
constexpr std::array<const char*, 13> action_names{
    "come",     "leave",          "die",       "come_and_leave", "become_ready",   "fail",
    "rotate",   "close_unserved", "kill_conn", "go_silent",      "stop_listening", "listen",
    "pass_time"};

/// `which` picks among those there are, so that any part of a list of steps is a list of steps.
struct step {
  action what = action::come;
  unsigned which = 0;
  /// The next step follows before anybody has reacted to this one.
  bool at_once = false;
};

std::ostream& operator<<(std::ostream& out, const step& one) {
  return out << action_names[static_cast<std::size_t>(one.what)] << ' ' << one.which
             << (one.at_once ? " and at once" : "");
}

rc::Gen<step> any_step() {
  const auto what = rc::gen::weightedElement<action>({{12, action::come},
                                                      {5, action::leave},
                                                      {3, action::die},
                                                      {2, action::come_and_leave},
                                                      {9, action::become_ready},
                                                      {2, action::fail},
                                                      {3, action::rotate},
                                                      {1, action::close_unserved},
                                                      {2, action::kill_conn},
                                                      {1, action::go_silent},
                                                      {1, action::stop_listening},
                                                      {2, action::listen},
                                                      {5, action::pass_time}});
  return rc::gen::build<step>(
      rc::gen::set(&step::what, what), rc::gen::set(&step::which, rc::gen::inRange(0U, 30U)),
      rc::gen::set(&step::at_once, rc::gen::weightedElement<bool>({{3, false}, {1, true}})));
}

// -- clients ------------------------------------------------------------------------------------

struct client_record {
  enum class state : std::uint8_t { waits, is_open, over };
  unsigned reactor = 0;
  state now = state::waits;
  stream_id stream = 0;
  caf::actor handle;
  caf::actor conn;
  /// Connections that told it to migrate.
  std::vector<caf::actor> left;
  /// Answers that each of its streams has had to being opened.
  std::map<stream_id, int> answers;
};

class model_client final : public net::pinned_actor {
 public:
  model_client(caf::actor_config& cfg, net::reactor& home, node_core& core, caf::actor pool,
               client_record& record)
      : pinned_actor{cfg, home}, core_{&core}, pool_{std::move(pool)}, record_{&record} {}

 private:
  caf::behavior start() override {
    ask(false);
    return {[this](const stream_opened& opened) {
      ++record_->answers[opened.stream];
      if (opened.stream != record_->stream) {
        caf::anon_send(opened.conn, stream_frame{opened.stream, stream::close{}});
        return;
      }
      record_->now = client_record::state::is_open;
      record_->conn = opened.conn;
    }};
  }
  void ask(bool migrating) {
    record_->now = client_record::state::waits;
    record_->stream = core_->next_stream(home().index());
    caf::anon_send(
        pool_,
        open_stream{.stream = record_->stream,
                    .client = caf::actor{this},
                    .request = {.dc = tested_dc, .kind = {}, .tag = {}, .migrating = migrating},
                    .reactor = home().index()});
  }
  bool on_message(caf::mailbox_element& x) override {
    const auto* const frame = net::message_as<stream_frame>(x);
    if (frame == nullptr) return false;
    if (frame->stream != record_->stream) return true;
    const bool was_open = record_->now == client_record::state::is_open;
    if (!was_open) ++record_->answers[frame->stream];
    if (std::holds_alternative<stream::migrate>(frame->event)) {
      if (was_open) record_->left.push_back(std::exchange(record_->conn, nullptr));
      ask(was_open);
    } else {
      record_->conn = nullptr;
      record_->now = client_record::state::over;
      quit();
    }
    return true;
  }
  void on_due(net::timer&) override {}
  void stopped() override {
    if (record_->now == client_record::state::waits)
      caf::anon_send(pool_, cancel_stream{record_->stream});
    else if (record_->now == client_record::state::is_open)
      caf::anon_send(record_->conn, stream_frame{record_->stream, stream::close{}});
    record_->now = client_record::state::over;
    record_->conn = nullptr;
  }

  node_core* core_;
  caf::actor pool_;
  client_record* record_;
};

// -- the world ----------------------------------------------------------------------------------

class world {
 public:
  explicit world(std::size_t init) : node_{reactors} {
    node_.configure([&](auto& settings) {
      settings.init_dc_connections = init;
      settings.clients_per_dc_connection = per_connection;
      settings.dc_wait_timeout = wait_timeout;
      settings.dc_idle_timeout = idle_timeout;
    });
    auto config = std::make_shared<telegram_config>();
    config->secret = secret_;
    for (std::size_t i = 0; i < endpoints; ++i) {
      at_[i] = telegram_[i].at();
      config->v4.endpoints[tested_dc].push_back(at_[i]);
    }
    node_.uplink.telegram.set(std::move(config));
    node_.core.names.put("dc_config", config_.handle());
    node_.core.names.put("dc_conn_sup",
                         node_.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
                           return {[this](const start_child& order) { return adopt(order); }};
                         }));
    pool_ = spawn_dc_pool(node_.uplink, tested_dc);
    react();
  }
  world(const world&) = delete;
  world& operator=(const world&) = delete;
  world(world&&) = delete;
  world& operator=(world&&) = delete;
  ~world() {
    caf::anon_send_exit(pool_, caf::exit_reason::kill);
    for (auto& one : clients_)
      caf::anon_send_exit(one.handle, caf::exit_reason::kill);
    for (auto& one : conns_)
      caf::anon_send_exit(one.handle, caf::exit_reason::kill);
    react();
    pool_ = nullptr;
    clients_.clear();
    conns_.clear();
  }

  void take(const step& one) {
    switch (one.what) {
      case action::come:
        come(one.which % reactors, !one.at_once);
        break;
      case action::leave:
        if (auto* const client = pick_client(one.which))
          caf::anon_send_exit(client->handle, caf::exit_reason::user_shutdown);
        break;
      case action::die:
        if (auto* const client = pick_client(one.which))
          caf::anon_send_exit(client->handle, caf::exit_reason::kill);
        break;
      case action::come_and_leave:
        caf::anon_send_exit(add_client(one.which % reactors).handle, caf::exit_reason::kill);
        break;
      case action::become_ready:
        if (auto* const conn = pick_conn(one.which, false)) make_ready(*conn);
        break;
      case action::fail:
        if (auto* const conn = pick_conn(one.which, false)) lose(*conn, true);
        break;
      case action::rotate:
        if (auto* const conn = pick_conn(one.which, true)) {
          bytes out;
          rpc::encode_ping(1, out);
          conn->peer->write(out);
          lose(*conn, false);
        }
        break;
      case action::close_unserved:
        if (auto* const conn = pick_conn(one.which, true)) lose(*conn, is_young(*conn));
        break;
      case action::kill_conn:
        if (auto* const conn = pick_conn(one.which, one.which % 3 > 0)) {
          caf::anon_send_exit(conn->handle, caf::exit_reason::kill);
          conn->lost = true;
          if (!conn->ready || is_young(*conn)) note_failure(*conn);
        }
        break;
      case action::go_silent:
        if (auto* const conn = pick_conn(one.which, true)) conn->silent = true;
        break;
      case action::stop_listening:
        telegram_[one.which % endpoints].stop_listening();
        listens_[one.which % endpoints] = false;
        break;
      case action::listen:
        if (!std::exchange(listens_[one.which % endpoints], true))
          telegram_[one.which % endpoints].listen(at_[one.which % endpoints]);
        break;
      case action::pass_time:
        pass(std::array<std::chrono::milliseconds, 5>{100ms, 300ms, 1s, 5s, 40s}[one.which % 5]);
        break;
    }
    if (!std::exchange(hurried_, one.at_once) && !one.at_once) failures_are_known();
    if (one.at_once) return;
    react();
    check();
  }

  /// Whoever waits is answered in time; when all clients are gone nobody counts any more.
  void finish() {
    react();
    pass(wait_timeout + 1s);
    check();
    for (const auto& one : clients_) {
      // Whoever waits now has asked within that time.
      RC_ASSERT(one.now != client_record::state::waits || !one.left.empty());
      for (const auto& [stream, count] : one.answers)
        RC_ASSERT(count == 1);
    }
    for (auto& one : clients_)
      caf::anon_send_exit(one.handle, caf::exit_reason::kill);
    react();
    check();
    const auto left = status();
    RC_ASSERT(left.n_upstreams == 0U);
    RC_ASSERT(left.n_waiting == 0U);
    // Telegram is well again: the minimum is restored, and what is idle above it is closed.
    for (std::size_t i = 0; i < endpoints; ++i)
      take({.what = action::listen, .which = static_cast<unsigned>(i), .at_once = false});
    for (int i = 0; i < 100; ++i) {
      while (auto* const conn = pick_conn(0, false))
        make_ready(*conn);
      pass(1s);
    }
    const auto calm = status();
    RC_ASSERT(calm.n_downstreams == node_.core.config.get()->init_dc_connections);
    RC_ASSERT(calm.n_pending == 0U);
  }

 private:
  struct conn_record {
    caf::actor handle;
    std::uint64_t number = 0;
    endpoint to;
    unsigned reactor = 0;
    std::shared_ptr<dc_conn_load> load;
    std::optional<test::middle_proxy> peer;
    time_point started;
    std::optional<time_point> ready_since;
    bool ready = false;
    bool silent = false;
    /// The test ended it, or saw it end.
    bool lost = false;
    bool ended = false;
  };

  struct failure {
    time_point when;
    /// The pool has heard of it.
    bool known = false;
    std::size_t unaware = 0;
    /// It was one connection that ended early: the endpoint may be tried if it has no other.
    bool others_went_on = false;
  };

  time_point now() { return node_.scheduler().clock().now(); }
  bool is_young(const conn_record& conn) { return now() - *conn.ready_since < 2s; }

  void react() {
    node_.settle();
    node_.settle();
    for (auto& one : conns_) {
      // Its end is behind what it was sent.
      while (one.silent && !one.lost && one.peer->read_raw(65'536) > 0) {
      }
      // The pool gave it up, or it stalled.
      if (!one.lost && (one.ended || (one.peer && one.peer->closed_by_peer()))) {
        one.lost = true;
        if (one.ended && one.ready && !one.silent) RC_ASSERT(clients_on(one) == 0U);
      }
    }
    failures_are_known();
  }

  /// In steps, as reactors see it. Middle proxies answer pings.
  void pass(caf::timespan time) {
    for (; time.count() > 0; time -= 500ms) {
      node_.advance(std::min<caf::timespan>(time, 500ms));
      for (auto& one : conns_) {
        if (one.lost || !one.ready || one.silent) continue;
        for (const auto& body : one.peer->read()) {
          const auto message = rpc::decode_to_dc(body);
          RC_ASSERT(message.has_value());
          if (const auto* const ping = std::get_if<rpc::ping>(&*message)) {
            bytes out;
            rpc::encode_pong(ping->id, out);
            one.peer->write(out);
          }
        }
      }
      react();
    }
  }

  // -- clients ----------------------------------------------------------------------------------

  client_record& add_client(unsigned reactor) {
    auto& added = clients_.emplace_back();
    added.reactor = reactor;
    added.handle = net::spawn_pinned<model_client>(*node_.core.reactors[reactor],
                                                   std::ref(node_.core), pool_, std::ref(added));
    return added;
  }

  void come(unsigned reactor, bool check_choice) {
    // In quiet times it is known whom the pool must choose.
    if (!check_choice) {
      add_client(reactor);
      return;
    }
    react();
    std::map<std::uint64_t, std::size_t> before;
    for (const auto& one : conns_)
      if (is_open(one)) before[one.number] = one.load->clients;
    const bool others_wait = status().n_waiting > 0;
    auto& added = add_client(reactor);
    react();
    if (before.empty() || others_wait) return;
    RC_ASSERT(added.now == client_record::state::is_open);
    std::size_t least = SIZE_MAX;
    std::size_t least_here = SIZE_MAX;
    const conn_record* chosen = nullptr;
    for (const auto& one : conns_) {
      if (one.handle == added.conn) chosen = &one;
      if (!before.contains(one.number)) continue;
      least = std::min(least, before[one.number]);
      if (one.reactor == reactor) least_here = std::min(least_here, before[one.number]);
    }
    RC_ASSERT(chosen != nullptr);
    if (least_here <= per_connection) {
      RC_ASSERT(chosen->reactor == reactor);
      RC_ASSERT(before[chosen->number] == least_here);
    } else {
      RC_ASSERT(before[chosen->number] == least);
    }
  }

  client_record* pick_client(unsigned which) {
    std::vector<client_record*> alive;
    for (auto& one : clients_)
      if (one.now != client_record::state::over) alive.push_back(&one);
    return alive.empty() ? nullptr : alive[which % alive.size()];
  }

  std::size_t clients_on(const conn_record& conn) {
    return static_cast<std::size_t>(std::ranges::count_if(clients_, [&](const auto& one) {
      return one.now == client_record::state::is_open && one.conn == conn.handle;
    }));
  }

  // -- connections ------------------------------------------------------------------------------

  caf::actor adopt(const start_child& order) {
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

  /// Called inside an actor, which would swallow an assertion.
  void check_attempt(const endpoint& to) {
    const auto failed = failed_.find(to);
    const bool is_early = failed != failed_.end() && now() - failed->second.when < 1s &&
                          (!failed->second.others_went_on || has_open(to));
    // Before the pool has heard of it, it may try several times; not again and again.
    if (is_early && (failed->second.known || ++failed->second.unaware > burst_max))
      violation_ = "an endpoint that failed was tried again within a second";
    std::size_t pending = 0;
    for (const auto& one : conns_) {
      if (one.lost || one.ended || one.ready) continue;
      const bool overdue = now() - one.started >= 1s;
      if (overdue && one.to == to) violation_ = "another attempt where one hangs";
      pending += overdue ? 0 : 1;
    }
    if (pending >= burst_max) violation_ = "more than a burst of attempts at once";
  }

  void note_failure(const conn_record& conn) {
    auto& failed = failed_[conn.to];
    if (failed.when != now() || failed.others_went_on) failed = {.when = now()};
    failed.others_went_on = conn.ready && has_open(conn.to);
  }
  bool has_open(const endpoint& at) {
    return std::ranges::any_of(conns_,
                               [&](const auto& one) { return one.to == at && is_open(one); });
  }
  void failures_are_known() {
    for (auto& [at, failed] : failed_)
      failed.known = true;
  }

  static bool is_open(const conn_record& one) { return one.ready && !one.lost; }

  conn_record* pick_conn(unsigned which, bool ready) {
    std::vector<conn_record*> some;
    for (auto& one : conns_)
      if (one.ready == ready && !one.lost && !one.ended && one.peer) some.push_back(&one);
    return some.empty() ? nullptr : some[which % some.size()];
  }

  void make_ready(conn_record& conn) {
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

  void lose(conn_record& conn, bool counts_as_failure) {
    conn.peer->close();
    conn.lost = true;
    if (counts_as_failure) note_failure(conn);
  }

  // -- what must hold ---------------------------------------------------------------------------

  dc_pool_status status() {
    dc_pool_status out;
    node_.system().spawn([&](caf::event_based_actor* self) {
      self->request(pool_, caf::infinite, get_dc_pool_status{})
          .then([&](const dc_pool_status& now) { out = now; });
    });
    node_.scheduler().run();
    return out;
  }

  const dc_pool_state& inside() {
    return static_cast<caf::stateful_actor<dc_pool_state>&>(
               *caf::actor_cast<caf::abstract_actor*>(pool_))
        .state;
  }

  void check() {
    RC_ASSERT(violation_ == "");
    const auto now = status();
    std::size_t waiting = 0;
    std::size_t open = 0;
    for (const auto& one : clients_) {
      waiting += one.now == client_record::state::waits ? 1 : 0;
      open += one.now == client_record::state::is_open ? 1 : 0;
      for (const auto& [stream, count] : one.answers)
        RC_ASSERT(count == 1);
      // A client moves only if its connection was taken from it.
      for (const auto& left : one.left)
        for (const auto& conn : conns_)
          if (conn.handle == left) RC_ASSERT(conn.lost);
    }
    std::size_t ready = 0;
    std::size_t pending = 0;
    std::size_t most = 0;
    for (const auto& one : conns_) {
      if (one.lost || one.ended) continue;
      (one.ready ? ready : pending) += 1;
      RC_ASSERT(one.load->clients == clients_on(one));
      most = std::max(most, clients_on(one));
    }
    RC_ASSERT(now.n_waiting == waiting);
    RC_ASSERT(now.n_upstreams == open);
    RC_ASSERT(now.n_downstreams == ready);
    RC_ASSERT(now.n_pending == pending);
    RC_ASSERT(now.max == most);
    RC_ASSERT(inside().assigning.empty());
    // Somebody waits only for want of a connection with room.
    if (waiting > 0 && ready > 0) RC_ASSERT(pending > 0U);
  }

  test::manual_node node_;
  test::inbox<dc_outage, dc_recovery> config_{node_.system()};
  bytes secret_ = bytes(128, 0x5e);
  std::array<test::middle_proxy, endpoints> telegram_;
  std::array<endpoint, endpoints> at_;
  std::array<bool, endpoints> listens_{true, true, true};
  /// Endpoints that have not worked since they failed.
  std::map<endpoint, failure> failed_;
  /// Some earlier step has had no reaction yet.
  bool hurried_ = false;
  std::string violation_;
  std::list<conn_record> conns_;
  std::list<client_record> clients_;
  caf::actor pool_;
};

TEST_CASE("pool, model: whoever comes, goes and dies, counts agree and nobody is forgotten") {
  test::check_property(
      [] {
        const auto init = *rc::gen::inRange<std::size_t>(0, 4);
        const auto steps = *rc::gen::container<std::vector<step>>(any_step());
        world all{init};
        for (const auto& one : steps)
          all.take(one);
        all.finish();
      },
      3);
}

}  // namespace
}  // namespace mtp::actors
