// One configured port: how it is configured now, and its share of `max_connections`.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "actors/client/client_metrics.hpp"
#include "actors/client/newcomers.hpp"
#include "actors/client/ticket.hpp"
#include "config/settings.hpp"
#include "net/loop/bound_port.hpp"
#include "net/loop/published.hpp"
#include "net/loop/timer_wheel.hpp"

namespace mtp::actors {

/// A port as it was configured at one time. A client keeps the version that it was accepted with.
struct port_version {
  explicit port_version(config::port_settings configured) : settings{std::move(configured)} {}

  config::port_settings settings;
  /// Since when clients of this version have to leave (`drain_timeout_sec`); the clock's epoch
  /// while they need not.
  mutable std::atomic<net::steady_clock::time_point> retired = {};
};

/// It lives as long as any of its clients.
class open_port {
 public:
  open_port(const config::port_settings& configured, client_metrics counters);

  const std::string name;
  net::published<port_version> version;
  client_metrics metrics;
  /// Its connections now, and those of them that have not shown yet that they are clients.
  tally connections = 0;
  mtp::actors::newcomers newcomers;

  // By one thread at a time.

  /// `next` holds for new clients. From `now` on, connected clients with another secret or tag have
  /// to leave. Clients that had to leave may stay if `next` has their secret and tag again.
  void configure(const config::port_settings& next, net::steady_clock::time_point now);
  /// It is served no more, and `next` is at its address: clients may stay as with `configure`.
  void hand_over(const config::port_settings& next, net::steady_clock::time_point now);
  /// All its clients have to leave from `now` on.
  void retire(net::steady_clock::time_point now);

 private:
  /// Versions that clients may still have, the current one among them.
  std::vector<std::weak_ptr<const port_version>> versions_;
};

/// A port that takes clients. Its sockets are closed when the last listener of it has ended.
struct served_port {
  std::shared_ptr<open_port> port;
  std::shared_ptr<net::bound_port> sockets;
  friend bool operator==(const served_port&, const served_port&) = default;
};

}  // namespace mtp::actors
