// Which connections the pool of a DC is to have, and which of them a client gets. No clock, no
// socket, no actor and no randomness of its own.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "actors/core/endpoint_backoff.hpp"
#include "actors/uplink/middle/dc_conn_load.hpp"
#include "codecs/base/dc_id.hpp"

namespace mtp::actors {

/// A connection as the policy sees it.
struct pool_conn {
  using time_point = std::chrono::steady_clock::time_point;

  std::uint64_t number = 0;
  unsigned reactor = 0;
  endpoint to;
  /// Its actor is known: it can be sent clients once it is ready.
  bool started = false;
  bool ready = false;
  time_point ready_since;
  /// Not ready by then, others are tried beside it.
  time_point expected_by;
  /// Opened because another one was overdue.
  bool spare = false;
  /// Never null.
  std::shared_ptr<dc_conn_load> load;
  /// A time since when it has had no client, if it has none; and how many it had been given then.
  std::optional<time_point> idle_since;
  std::uint64_t given = 0;
  /// Of which other reactors it may have clients.
  std::vector<bool> strangers;

  [[nodiscard]] bool takes_clients() const noexcept { return ready && started; }
  [[nodiscard]] bool overdue(time_point now) const noexcept { return !ready && now >= expected_by; }
};

/// As configured at the moment.
struct pool_limits {
  /// Connections that are kept, however few clients there are.
  std::size_t minimum = 2;
  /// A connection with more clients than this is full, and brings others.
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

  /// The most connections on their way at once, as the original.
  static constexpr std::size_t burst_max = 10;
  /// A TCP connection not up by then, or a handshake not done by then (two round trips), is
  /// overdue: another endpoint is tried beside it. RFC 8305 recommends the former.
  static constexpr std::chrono::milliseconds connect_patience{250};
  static constexpr std::chrono::milliseconds handshake_patience{1000};
  /// A connection that Telegram closes this soon, before it served anybody, counts as a failed
  /// attempt, unless others to the same endpoint go on.
  static constexpr std::chrono::seconds short_life{2};
  /// This many clients served by another reactor's connections get one on their own.
  static constexpr std::size_t strangers_max = 8;

  /// `jitter`: as of `endpoint_backoff`.
  pool_policy(dc_id dc, std::size_t reactors, endpoint_backoff::random jitter);

  // -- what is known of connections ---------------------------------------------------------------

  /// By number, so that the oldest is the first.
  [[nodiscard]] const conn_map& conns() const noexcept { return conns_; }
  /// Null if it is not known (any more).
  [[nodiscard]] pool_conn* find(conn_number known);
  /// A new one is on its way. Numbers are not used again.
  pool_conn& add(unsigned reactor, const endpoint& to, bool spare, time_point now);
  static void connected(pool_conn& conn, time_point now) {
    conn.expected_by = now + handshake_patience;
  }
  void became_ready(pool_conn& conn, time_point now);
  /// It does not count any more, and nobody is to blame.
  void remove(conn_number gone) { conns_.erase(gone); }

  struct loss {
    /// It has carried messages from Telegram.
    bool served = false;
    /// Its end is no reason to avoid the endpoint, unless it came soon after it was ready.
    bool forgiven = false;
  };
  /// It has ended by itself; its endpoint may have to rest.
  void lost(conn_number conn, const loss& how, time_point now);

  // -- clients ------------------------------------------------------------------------------------

  /// The one that a client of `reactor` gets: the least loaded one there unless that is full, else
  /// the least loaded one. Null if none takes clients.
  [[nodiscard]] pool_conn* choose(unsigned reactor, const pool_limits& limits);
  /// `best` is so full that clients who wait should wait for those on their way. After an outage
  /// everybody waits: the first connection up is not to have them all.
  [[nodiscard]] bool is_worth_waiting(const pool_conn& best, const pool_limits& limits,
                                      time_point now) const;
  /// One more client of `reactor` goes to `to`. Returns how many connections are to be opened on
  /// its reactor for that.
  std::size_t assign(pool_conn& to, unsigned reactor, const pool_limits& limits, time_point now);

  // -- how many -----------------------------------------------------------------------------------

  [[nodiscard]] std::size_t ready() const;
  /// Connections on their way that are not overdue.
  [[nodiscard]] std::size_t on_their_way(time_point now) const;
  [[nodiscard]] bool some_overdue(time_point now) const;
  /// How many there should be, ready or on their way, with so many clients that wait.
  [[nodiscard]] static std::size_t wanted(std::size_t waiting, const pool_limits& limits);
  [[nodiscard]] bool is_short(std::size_t waiting, const pool_limits& limits,
                              time_point now) const {
    return ready() + on_their_way(now) < wanted(waiting, limits);
  }
  [[nodiscard]] bool is_open_to(const endpoint& at) const;

  /// To give up, as another one is up: those that are overdue or were spare, but for those that are
  /// needed. Endpoints of overdue ones are not preferred for a while; each of these is in
  /// `overtaken`.
  struct rivals {
    std::vector<conn_number> to_drop;
    std::size_t overtaken = 0;
  };
  [[nodiscard]] rivals beaten_by(const pool_conn& winner, std::size_t waiting,
                                 const pool_limits& limits, time_point now);

  /// Notes who has had no clients since when. To be called now and then, before `next_idle`.
  void note_idle(time_point now);
  /// The newest of those older than `before` that can be closed as nobody uses it: of idle ones,
  /// clients get the oldest.
  [[nodiscard]] std::optional<conn_number> next_idle(conn_number before, const pool_limits& limits,
                                                     time_point now) const;

  // -- where to -----------------------------------------------------------------------------------

  /// The endpoint to try now, of `known`; else when there may be one, if that can be told.
  struct attempt {
    std::optional<endpoint> to;
    std::optional<time_point> chance;
  };
  [[nodiscard]] attempt next_attempt(std::span<const endpoint> known, bool prefer_v6,
                                     time_point now);
  /// What was known of failures may hold no more.
  void forget_failures() noexcept { backoff_.forget(); }
  /// Those on their way whose endpoint is not among `known`, or all of them.
  [[nodiscard]] std::vector<conn_number> in_vain(std::span<const endpoint> known, bool all) const;
  [[nodiscard]] unsigned emptiest_reactor() const;

 private:
  /// Clients of one reactor that got a connection of another one, since when.
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
