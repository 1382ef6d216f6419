// A dc_pool with a stand-in for dc_conn_sup: its connections are inboxes, which the test makes
// ready or loses.
#pragma once

#include <doctest/doctest.h>

#include "actors/core/supervisor.hpp"
#include "actors/uplink/middle/dc_pool.hpp"
#include "tests/support/manual_node.hpp"

namespace mtp::actors {

using namespace std::chrono_literals;

inline constexpr dc_id tested_dc = 2;

struct pool_fixture {
  struct connection {
    dc_conn_options options;
    unsigned reactor;
    test::inbox<open_stream, frame_from_client> box;
    bool ended = false;
    std::size_t left = 0;
  };

  test::manual_node node{2};
  std::deque<connection> connections;
  test::inbox<frame_to_client, stream_opened> client{node.system()};
  test::inbox<dc_outage, dc_recovery, dc_keys_in_doubt> config{node.system()};
  caf::actor pool;
  stream_id last_stream = 0;

  pool_fixture() {
    node.configure([&](auto& settings) {
      settings.uplink.init_dc_connections = 2;
      settings.uplink.clients_per_dc_connection = 4;
      settings.uplink.dc_wait_timeout = 10s;
    });
    set_endpoints({"10.0.0.1:8888"});
    node.core.names.put("dc_config", config.handle());
  }

  pool_fixture(const pool_fixture&) = delete;
  pool_fixture& operator=(const pool_fixture&) = delete;
  pool_fixture(pool_fixture&&) = delete;
  pool_fixture& operator=(pool_fixture&&) = delete;
  /// Nobody asks for connections once they can't be kept.
  ~pool_fixture() {
    caf::anon_send_exit(pool, caf::exit_reason::kill);
    node.settle();
  }

  void set_endpoints(const std::vector<std::string>& texts) {
    auto next = std::make_shared<telegram_config>();
    for (const auto& text : texts) {
      const auto at = *parse_endpoint(text);
      (at.ip.is_v4() ? next->v4 : next->v6).endpoints[tested_dc].push_back(at);
    }
    node.uplink.telegram.set(std::move(next));
  }

  void start() {
    auto sup = node.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
      return {[this](const start_child& order) { return adopt(order); }};
    });
    node.core.names.put("dc_conn_sup", sup);
    pool = spawn_dc_pool(node.uplink, tested_dc);
    node.settle();
  }

  /// Takes the options out of an order without starting a real connection.
  caf::actor adopt(const start_child& order) {
    const auto* const wanted = order.start.target<dc_conn_start>();
    REQUIRE(wanted != nullptr);
    connections.push_back({.options = wanted->options,
                           .reactor = wanted->reactor,
                           .box = test::inbox<open_stream, frame_from_client>{node.system()}});
    auto& added = connections.back();
    added.box.handle()->attach_functor([&added] { added.ended = true; });
    return added.box.handle();
  }

  void make_ready(std::size_t place) {
    caf::anon_send(pool, dc_conn_ready{connections.at(place).options.number});
    node.settle();
  }
  void lose(std::size_t place, bool served = true) {
    caf::anon_send(pool, dc_conn_lost{connections.at(place).options.number, "lost", served});
    caf::anon_send_exit(connections.at(place).box.handle(), caf::exit_reason::user_shutdown);
    node.settle();
  }
  /// Between TCP and the end of the handshake.
  void lose_in_handshake(std::size_t place) {
    caf::anon_send(pool, dc_conn_lost{.number = connections.at(place).options.number,
                                      .reason = "closed",
                                      .served = false,
                                      .in_handshake = true,
                                      .keys_in_doubt = true});
    caf::anon_send_exit(connections.at(place).box.handle(), caf::exit_reason::user_shutdown);
    node.settle();
  }
  void connect(std::size_t place) {
    caf::anon_send(pool, dc_conn_connected{connections.at(place).options.number});
    node.settle();
  }
  stream_id open(bool migrating = false, unsigned reactor = 0) {
    const auto id = ++last_stream;
    caf::anon_send(pool, open_stream{.stream = id,
                                     .client = client.handle(),
                                     .request = {.dc = tested_dc, .migrating = migrating},
                                     .reactor = reactor});
    node.settle();
    return id;
  }
  /// A client leaves: the oldest of its connection. Until then the request in the box counts it.
  void leave(std::size_t place) { opened(place).at(connections.at(place).left++).counted = {}; }
  std::vector<endpoint> tried() const {
    std::vector<endpoint> endpoints;
    for (const auto& item : connections)
      endpoints.push_back(item.options.to);
    return endpoints;
  }
  static std::vector<endpoint> endpoints(const std::vector<std::string>& texts) {
    std::vector<endpoint> endpoints;
    for (const auto& text : texts)
      endpoints.push_back(*parse_endpoint(text));
    return endpoints;
  }
  std::vector<open_stream>& opened(std::size_t place) {
    return connections.at(place).box.all<open_stream>();
  }
  dc_pool_status status() {
    dc_pool_status status;
    node.system().spawn([&](caf::event_based_actor* self) {
      self->request(pool, caf::infinite, get_dc_pool_status{}).then([&](const dc_pool_status& now) {
        status = now;
      });
    });
    node.settle();
    return status;
  }
  bool was_refused(stream_id id, refusal why) {
    for (const auto& frame : client.all<frame_to_client>())
      if (frame == frame_to_client{id, stream::refused{why}}) return true;
    return false;
  }
};

}  // namespace mtp::actors
