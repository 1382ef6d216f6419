// The world of the pool's model: the pool and its connections are the real ones, middle proxies are
// moved by the test.
#pragma once

#include <array>
#include <list>
#include <map>
#include <optional>

#include "actors/core/supervisor.hpp"
#include "actors/uplink/middle/dc_pool.hpp"
#include "tests/actors/uplink/dc_pool_model_client.hpp"
#include "tests/actors/uplink/dc_pool_model_steps.hpp"
#include "tests/support/manual_node.hpp"
#include "tests/support/middle_proxy.hpp"

namespace mtp::actors {

class dc_pool_world {
 public:
  /// The pool keeps `init` connections.
  explicit dc_pool_world(std::size_t init);
  dc_pool_world(const dc_pool_world&) = delete;
  dc_pool_world& operator=(const dc_pool_world&) = delete;
  dc_pool_world(dc_pool_world&&) = delete;
  dc_pool_world& operator=(dc_pool_world&&) = delete;
  ~dc_pool_world();

  void take(const step& next);
  /// Whoever waits is answered in time; when all clients are gone nobody counts any more.
  void finish();

 private:
  using time_point = net::steady_clock::time_point;

  static constexpr std::size_t endpoints = 3;
  static constexpr unsigned reactors = 2;
  static constexpr std::size_t per_connection = 4;

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
    /// The pool has heard of that.
    bool loss_is_known = false;
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
  bool is_young(const conn_record& conn);

  void react();
  /// In steps, as reactors see it. Middle proxies answer pings.
  void pass(caf::timespan time);

  /// A client that has a DC connection reserved.
  struct held_reservation {
    reservation kept;
    /// In whose load it counts, if it does.
    const conn_record* conn = nullptr;
    unsigned reactor = 0;
  };

  client_record& add_client(unsigned reactor, reservation held = {});
  void reserve(unsigned reactor);
  held_reservation let_go(unsigned pick);
  /// In quiet times it is known whom the pool must choose.
  void come_and_check_choice(unsigned reactor);
  client_record* pick_client(unsigned pick);
  std::size_t clients_on(const conn_record& conn);
  std::size_t reserved_on(const conn_record& conn);

  caf::actor adopt(const start_child& order);
  /// Called inside an actor, which would swallow an assertion.
  void check_attempt(const endpoint& to);
  void note_failure(const conn_record& conn);
  bool has_open(const endpoint& at);
  bool may_have_open(const endpoint& at, const conn_record& but);
  void failures_are_known();
  static bool is_open(const conn_record& conn) { return conn.ready && !conn.lost; }
  conn_record* pick_conn(unsigned pick, bool ready);
  void make_ready(conn_record& conn);
  void lose(conn_record& conn, bool counts_as_failure);

  dc_pool_status status();
  const dc_pool_state& inside();
  /// What must hold after every step.
  void check();

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
  std::vector<held_reservation> held_;
  caf::actor pool_;
};

}  // namespace mtp::actors
