// The Prometheus endpoint.
#pragma once

#include <caf/actor_system.hpp>
#include <memory>
#include <string>
#include <tl/expected.hpp>

#include "actors/environment.hpp"

namespace mtp::app {

/// Adds what is computed when somebody looks: clients of each listener, connections of each DC.
void add_gauges(actors::environment& env, caf::actor_system& system);

/// Serves GET /metrics at `at` as long as it lives.
class metrics_endpoint {
 public:
  /// Error: the address can't be served, for the operator.
  [[nodiscard]] static tl::expected<std::unique_ptr<metrics_endpoint>, std::string> open(
      const endpoint& at, const actors::metrics& what);
  metrics_endpoint(const metrics_endpoint&) = delete;
  metrics_endpoint& operator=(const metrics_endpoint&) = delete;
  metrics_endpoint(metrics_endpoint&&) = delete;
  metrics_endpoint& operator=(metrics_endpoint&&) = delete;
  ~metrics_endpoint();

 private:
  metrics_endpoint();
  struct server;
  std::unique_ptr<server> server_;
};

}  // namespace mtp::app
