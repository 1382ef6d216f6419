// How many connections the pool of a DC has, where they lead, and which connection a client gets.
// Pure: no clock, no socket, no actor and no randomness of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "actors/core/endpoint_backoff.hpp"
#include "actors/uplink/dc_conn_load.hpp"
#include "codecs/base/dc_id.hpp"

namespace mtp::actors {

/// A connection as the policy sees it.
struct pool_conn {
  using time_point = std::chrono::steady_clock::time_point;

  std::uint64_t number = 0;
  unsigned reactor = 0;
  endpoint to;
  /// Its actor is known, so it can be sent clients once it is ready.
  bool started = false;
  bool ready = false;
  time_point ready_since;
  /// If it is not ready by then, it is overdue: another endpoint is tried beside it.
  time_point expected_by;
  /// Opened because another connection was overdue.
  bool spare = false;
  /// Never null.
  std::shared_ptr<dc_conn_load> load;
  /// Since when it has had no client, as last noted, if it has none; and how many clients it had
  /// ever been given at the last note.
  std::optional<time_point> idle_since;
  std::uint64_t given = 0;
  /// By reactor: whether it may have clients of that other reactor.
  std::vector<bool> strangers;

  [[nodiscard]] bool takes_clients() const noexcept { return ready && started; }
  [[nodiscard]] bool overdue(time_point now) const noexcept { return !ready && now >= expected_by; }
};

/// The settings of a pool.
struct pool_limits {
  /// Connections that are kept, however few clients there are.
  std::size_t minimum = 2;
  /// A connection with more clients than this is full: more connections are opened.
  std::size_t clients_per_conn = 300;
  /// Beyond the minimum, a connection without clients for this long is closed.
  std::chrono::seconds idle_timeout{300};
};

class pool_policy {
 public:
  using conn_number = std::uint64_t;
  using conn_map = std::map<conn_number, pool_conn>;
  using time_point = pool_conn::time_point;
  using duration = std::chrono::steady_clock::duration;

  /// The most connections that may be on their way at once; as the original.
  static constexpr std::size_t burst_max = 10;
  /// A TCP connection not up by then, or a handshake not done by then (two round trips), is
  /// overdue: another endpoint is tried beside it. RFC 8305 recommends the former.
  static constexpr std::chrono::milliseconds connect_patience{250};
  static constexpr std::chrono::milliseconds handshake_patience{1000};
  /// A connection that Telegram closes this soon, before it served anybody, counts as a failed
  /// attempt, unless others to the same endpoint go on.
  static constexpr std::chrono::seconds short_life{2};
  /// When this many clients of a reactor were given connections of other reactors, their own
  /// reactor gets a connection.
  static constexpr std::size_t strangers_max = 8;

  /// `jitter`: as of `endpoint_backoff`.
  pool_policy(dc_id dc, std::size_t reactors, endpoint_backoff::random jitter);

  // -- connections --------------------------------------------------------------------------------

  /// By number: the oldest connection first.
  [[nodiscard]] const conn_map& conns() const noexcept { return conns_; }
  /// Null if there is no such connection (any more).
  [[nodiscard]] pool_conn* find(conn_number known);
  /// A new connection is on its way. Numbers are not used again.
  pool_conn& add(unsigned reactor, const endpoint& to, bool spare, time_point now);
  static void connected(pool_conn& conn, time_point now) {
    conn.expected_by = now + handshake_patience;
  }
  void became_ready(pool_conn& conn, time_point now);
  /// Forgets a connection; its endpoint is not held responsible.
  void remove(conn_number gone) { conns_.erase(gone); }

  struct loss {
    /// The connection has carried messages from Telegram.
    bool served = false;
    /// Its end is no reason to avoid the endpoint, unless it ended soon after it was ready.
    bool forgiven = false;
  };
  /// A connection has ended by itself; its endpoint may have to rest.
  void lost(conn_number conn, const loss& how, time_point now);

  // -- clients ------------------------------------------------------------------------------------

  /// The connection for a client of `reactor`: the least loaded connection of that reactor, unless
  /// that is full; else the least loaded of all. Null if no connection takes clients.
  [[nodiscard]] pool_conn* choose(unsigned reactor, const pool_limits& limits);
  /// Whether waiting clients should go on waiting for connections on their way, as `best` is more
  /// than half over full. So after an outage the first connection up does not get all clients.
  [[nodiscard]] bool is_worth_waiting(const pool_conn& best, const pool_limits& limits,
                                      time_point now) const;
  /// A client of `reactor`, which is counted in its load already, goes to `to`. Returns how many
  /// connections are to be opened on `reactor` because of it.
  std::size_t assign(pool_conn& to, unsigned reactor, const pool_limits& limits, time_point now);

  // -- how many -----------------------------------------------------------------------------------

  [[nodiscard]] std::size_t ready() const;
  /// Connections on their way that are not overdue.
  [[nodiscard]] std::size_t on_their_way(time_point now) const;
  [[nodiscard]] bool some_overdue(time_point now) const;
  /// How many connections there should be, ready or on their way, while `waiting` clients wait.
  [[nodiscard]] static std::size_t wanted(std::size_t waiting, const pool_limits& limits);
  [[nodiscard]] bool is_short(std::size_t waiting, const pool_limits& limits,
                              time_point now) const {
    return ready() + on_their_way(now) < wanted(waiting, limits);
  }
  [[nodiscard]] bool is_open_to(const endpoint& at) const;

  /// Connections on their way that are given up because another connection is up: overdue and spare
  /// connections that are not needed. `overtaken` counts the overdue connections whose endpoints
  /// are avoided for a while.
  struct rivals {
    std::vector<conn_number> to_drop;
    std::size_t overtaken = 0;
  };
  [[nodiscard]] rivals beaten_by(const pool_conn& winner, std::size_t waiting,
                                 const pool_limits& limits, time_point now);

  /// Notes which connections have no clients, and since when. Call it now and then, before
  /// `next_idle`.
  void note_idle(time_point now);
  /// The newest idle connection older than `before` that can be closed. The newest first, because
  /// clients are given the oldest of idle connections.
  [[nodiscard]] std::optional<conn_number> next_idle(conn_number before, const pool_limits& limits,
                                                     time_point now) const;

  // -- where to -----------------------------------------------------------------------------------

  /// The endpoint of `known` to try now. If there is none: when there may be one, if that is known.
  struct attempt {
    std::optional<endpoint> to;
    std::optional<time_point> chance;
  };
  [[nodiscard]] attempt next_attempt(std::span<const endpoint> known, bool prefer_v6,
                                     time_point now);
  /// Forgets the failures of endpoints: they may work again.
  void forget_failures() noexcept { backoff_.forget(); }
  /// Connections on their way whose endpoint is not among `known`; with `all`, every connection on
  /// its way.
  [[nodiscard]] std::vector<conn_number> in_vain(std::span<const endpoint> known, bool all) const;
  [[nodiscard]] unsigned emptiest_reactor() const;

 private:
  /// Clients of one reactor that got a connection of another reactor, counted from `since`.
  struct stranger_count {
    std::size_t clients = 0;
    time_point since;
  };

  [[nodiscard]] static bool is_crowded(stranger_count& here, const pool_limits& limits,
                                       time_point now);
  [[nodiscard]] bool is_needed(const pool_conn& idle, const pool_limits& limits) const;

  dc_id dc_;
  conn_map conns_;
  conn_number last_ = 0;
  endpoint_backoff backoff_;
  /// One per reactor, since the last growth there.
  std::vector<stranger_count> strangers_;
};

}  // namespace mtp::actors
