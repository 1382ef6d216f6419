// The DC connections of one DC: keeps enough of them open and gives clients the least loaded one.
// Twin of mtp_dc_pool.
#pragma once

#include <caf/stateful_actor.hpp>
#include <deque>
#include <map>
#include <unordered_set>

#include "actors/uplink/middle/dc_conn.hpp"
#include "actors/uplink/middle/pool_policy.hpp"
#include "actors/uplink/middle/uplink_side.hpp"
#include "actors/uplink/uplink.hpp"

namespace mtp::actors {

/// Message: Telegram's configuration has changed; there may be new endpoints, and failed endpoints
/// may work again.
struct telegram_config_changed {};

/// To dc_config: no connection to this DC for `outage_after`, and why the last attempt failed; or
/// there is one again.
struct dc_outage {
  dc_id dc = 0;
  std::string why;
};
struct dc_recovery {
  dc_id dc = 0;
};
/// To dc_config: a connection to this DC was lost during its handshake. Secret or address may be
/// wrong.
struct dc_keys_in_doubt {
  dc_id dc = 0;
};
inline constexpr std::chrono::seconds outage_after{5};

/// Message (request): replies with a `dc_pool_status`.
struct get_dc_pool_status {};
struct dc_pool_status {
  dc_id dc = 0;
  /// Connections that take clients, and connections on their way.
  std::size_t n_conns = 0;
  std::size_t n_pending = 0;
  /// Clients on connections: in all, on the least and on the most loaded connection.
  std::size_t n_clients = 0;
  std::size_t min = 0;
  std::size_t max = 0;
  /// Clients without a connection yet.
  std::size_t n_waiting = 0;
  /// Why the last connection ended; empty while one takes clients.
  std::string last_failure;
};

/// Message (request): replies with a std::vector<pool_conn_status>, oldest first.
struct list_pool_conns {};
struct pool_conn_status {
  std::uint64_t number = 0;
  /// Null until dc_conn_sup has started it.
  caf::actor handle;
  unsigned reactor = 0;
  endpoint to;
  bool ready = false;
  std::size_t clients = 0;
};

/// Starts a connection, by the pool's order to dc_conn_sup. A named type, so that tests can look
/// inside.
struct dc_conn_start {
  uplink_side* side = nullptr;
  dc_conn_options options;
  unsigned reactor = 0;
  caf::actor operator()() const;
};

struct dc_pool_state {
  explicit dc_pool_state(caf::event_based_actor* actor);
  /// Clients that still wait are told to ask again.
  ~dc_pool_state();
  dc_pool_state(const dc_pool_state&) = delete;
  dc_pool_state& operator=(const dc_pool_state&) = delete;
  dc_pool_state(dc_pool_state&&) = delete;
  dc_pool_state& operator=(dc_pool_state&&) = delete;

  using time_point = caf::actor_clock::time_point;

  struct waiting_client {
    open_stream request;
    time_point since;
  };

  // Clients.
  void handle_open(open_stream& request);
  void handle_cancel(stream_id stream);
  void assign(const open_stream& request, pool_conn& to);
  void serve_waiting();
  void expire_waiting();

  // Connections.
  void handle_connected(std::uint64_t number);
  void handle_ready(std::uint64_t number);
  void handle_lost(const dc_conn_lost& lost);
  void check_outage();
  void handle_down(const caf::down_msg& down);
  void keep_minimum();
  void handle_config_change();
  /// False if no endpoint may be tried now; then a tick is scheduled for when one may. `spare`: see
  /// `pool_conn`.
  bool connect(unsigned reactor, bool spare = false);
  void handle_started(std::uint64_t number, const caf::actor& started);
  /// A connection is up: gives up its rivals on their way, unless they are needed.
  void drop_rivals(const pool_conn& winner);
  void drop(std::uint64_t number);
  void close_idle();
  void offer(const pool_conn& conn);
  void withdraw(const pool_conn& conn);
  void watch_expected();
  void tick();
  void tick_at(time_point when);
  [[nodiscard]] dc_pool_status status() const;
  [[nodiscard]] std::vector<pool_conn_status> list() const;
  [[nodiscard]] pool_limits limits() const;
  [[nodiscard]] time_point now() const { return self->clock().now(); }

  caf::event_based_actor* self;
  uplink_side* side = nullptr;
  dc_id dc = 0;
  std::optional<pool_policy> policy;
  /// Of connections that dc_conn_sup has started.
  std::map<std::uint64_t, caf::actor> handles;
  std::deque<waiting_client> waiting;
  /// Streams that a connection was asked to take and has not answered for.
  std::unordered_set<stream_id> assigning;
  std::optional<time_point> next_tick;
  std::uint64_t last_tick = 0;
  /// The configuration that connections use.
  std::shared_ptr<const telegram_config> config;
  /// Until a middle proxy closes a connection over it.
  bool offer_crc32c = true;
  /// Since when no connection is ready; and why the last attempt failed.
  std::optional<time_point> down_since;
  std::string last_failure;
  bool outage_told = false;
  bool was_ready = false;
  counter idle_closed;
  counter overtaken;

  static inline const char* name = "dc_pool";
};

/// Behavior of a pool. It never waits for Telegram: it starts with every DC dead.
/// - `open_stream` (request): gives the client a connection, now or within `dc_wait_timeout`; after
///   that, or when too many wait, the client gets `refused`.
/// - `cancel_stream`: the client left before its stream was opened, or while that was on its way.
/// - `dc_conn_connected`, `dc_conn_ready`, `dc_conn_lost` from its connections.
/// - `telegram_config_changed`, `config_changed` from dc_config.
/// - `get_dc_pool_status`, `list_pool_conns`.
caf::behavior dc_pool(caf::stateful_actor<dc_pool_state>* self, uplink_side& side, dc_id dc);
[[nodiscard]] caf::actor spawn_dc_pool(uplink_side& side, dc_id dc);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::telegram_config_changed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::dc_outage)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::dc_recovery)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::dc_keys_in_doubt)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::get_dc_pool_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::dc_pool_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::list_pool_conns)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<mtp::actors::pool_conn_status>)
