// One configured port with its sockets and its share of `max_connections`.
#pragma once

#include <atomic>

#include "actors/client/client_metrics.hpp"
#include "actors/client/newcomers.hpp"
#include "config/settings.hpp"
#include "net/loop/bound_port.hpp"

namespace mtp::actors {

struct open_port {
  open_port(config::port_settings configured, net::bound_port bound, client_metrics counters)
      : settings{std::move(configured)}, sockets{std::move(bound)}, metrics{std::move(counters)} {}

  config::port_settings settings;
  net::bound_port sockets;
  client_metrics metrics;
  /// Clients connected through it, and of them those that have not shown yet that they are some.
  std::atomic<std::size_t> connections = 0;
  mtp::actors::newcomers newcomers;
};

}  // namespace mtp::actors
