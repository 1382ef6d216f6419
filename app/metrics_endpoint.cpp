#include "app/metrics_endpoint.hpp"

#include <prometheus/collectable.h>
#include <prometheus/exposer.h>
#include <prometheus/metric_family.h>

#include <caf/all.hpp>

#include <thread>

#include "actors/back_link.hpp"
#include "actors/dc_pool.hpp"
#include "actors/link_gateway.hpp"
#include "actors/routing.hpp"
#include "net/blocking_socket.hpp"

namespace mtp::app {

namespace {

using actors::metrics;
using namespace std::chrono_literals;

/// Whoever takes longer is left out of this answer.
constexpr auto answer_patience = 1s;
constexpr auto knock_interval = 20ms;

prometheus::ClientMetric to_prometheus(const metrics::sample& in, metrics::kind type) {
  prometheus::ClientMetric out;
  for (const auto& [name, value] : in.labels)
    out.label.push_back({name, value});
  switch (type) {
    case metrics::kind::counter:
      out.counter.value = in.value;
      break;
    case metrics::kind::gauge:
      out.gauge.value = in.value;
      break;
    case metrics::kind::histogram: {
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < in.buckets.size(); ++i) {
        below += in.buckets[i];
        const double bound =
            i < in.bounds.size() ? in.bounds[i] : std::numeric_limits<double>::infinity();
        out.histogram.bucket.push_back({.cumulative_count = below, .upper_bound = bound});
      }
      out.histogram.sample_count = below;
      out.histogram.sample_sum = in.sum;
      break;
    }
  }
  return out;
}

prometheus::MetricType to_prometheus(metrics::kind type) {
  switch (type) {
    case metrics::kind::counter:
      return prometheus::MetricType::Counter;
    case metrics::kind::gauge:
      return prometheus::MetricType::Gauge;
    case metrics::kind::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

class collector final : public prometheus::Collectable {
 public:
  explicit collector(const metrics& what) : what_{&what} {}
  std::vector<prometheus::MetricFamily> Collect() const override {
    std::vector<prometheus::MetricFamily> out;
    for (const auto& family : what_->read()) {
      auto& shown = out.emplace_back();
      shown.name = family.name;
      shown.help = family.help;
      shown.type = to_prometheus(family.type);
      for (const auto& sample : family.samples)
        shown.metric.push_back(to_prometheus(sample, family.type));
    }
    return out;
  }

 private:
  const metrics* what_;
};

std::vector<actors::dc_pool_status> ask_pools(const actors::environment& env,
                                              caf::actor_system& system) {
  std::vector<actors::dc_pool_status> out;
  caf::scoped_actor self{system};
  for (const auto dc : env.telegram.get()->dcs()) {
    const auto pool = env.names.find(actors::dc_pool_name(dc));
    if (pool == nullptr) continue;
    self->request(pool, answer_patience, actors::get_dc_pool_status{})
        .receive([&](const actors::dc_pool_status& status) { out.push_back(status); },
                 [](const caf::error&) {});
  }
  return out;
}

/// Of a front.
std::vector<actors::back_status> ask_backs(const actors::environment& env,
                                           caf::actor_system& system) {
  std::vector<actors::back_status> out;
  caf::scoped_actor self{system};
  for (std::size_t i = 0; i < env.settings.back_nodes.size(); ++i) {
    auto& status = out.emplace_back();
    status.where = actors::describe_back(env.settings, i);
    if (const auto keeper = env.names.find(actors::back_link_name(i)))
      self->request(keeper, answer_patience, actors::get_back_status{})
          .receive([&](const actors::back_status& now) { status = now; }, [](const caf::error&) {});
  }
  return out;
}

/// Of a back; none if it does not answer.
std::optional<std::size_t> count_fronts(const actors::environment& env, caf::actor_system& system) {
  const auto gateway = env.names.find(actors::gateway_name);
  if (gateway == nullptr) return std::nullopt;
  std::optional<std::size_t> out;
  caf::scoped_actor self{system};
  self->request(gateway, answer_patience, actors::get_fronts{})
      .receive([&](const std::vector<actors::front_status>& all) { out = all.size(); },
               [](const caf::error&) {});
  return out;
}

using pool_values =
    std::function<void(const actors::dc_pool_status& pool, metrics::gauge_values& into)>;

}  // namespace

void add_gauges(actors::environment& env, caf::actor_system& system) {
  env.metrics.set_gauge("mtproto_proxy_connections_count", "Count of ranch connections", [&env] {
    metrics::gauge_values out;
    for (const auto& port : env.ports)
      out.push_back(
          {{{"listener", port->settings.name}}, static_cast<double>(port->connections.load())});
    return out;
  });
  env.metrics.set_gauge(
      "mtproto_proxy_memory_bytes", "Memory of the process, and its budget",
      [&env] { return actors::memory_values(env.memory, env.sessions.memory()); });
  if (env.settings.role == actors::node_role::front)
    env.metrics.set_gauge("mtproto_proxy_link_connected", "Whether there is a session with a back",
                          [&env, &system] {
                            metrics::gauge_values out;
                            for (const auto& one : ask_backs(env, system))
                              out.push_back({{{"back", one.where}}, one.connected ? 1.0 : 0.0});
                            return out;
                          });
  if (env.settings.role == actors::node_role::back)
    env.metrics.set_gauge("mtproto_proxy_link_fronts", "Fronts that have a session",
                          [&env, &system] {
                            metrics::gauge_values out;
                            if (const auto count = count_fronts(env, system))
                              out.push_back({{}, static_cast<double>(*count)});
                            return out;
                          });
  const auto add = [&](std::string_view name, std::string_view help, const pool_values& values) {
    env.metrics.set_gauge(name, help, [&env, &system, values] {
      metrics::gauge_values out;
      for (const auto& pool : ask_pools(env, system))
        values(pool, out);
      return out;
    });
  };
  const auto dc_label = [](const actors::dc_pool_status& pool) {
    return actors::metric_labels{{"dc", std::to_string(pool.dc)}};
  };
  add("mtproto_proxy_dc_num_downstreams", "Count of connections to downstream",
      [=](const auto& pool, auto& out) {
        out.push_back({dc_label(pool), static_cast<double>(pool.n_downstreams)});
      });
  add("mtproto_proxy_dc_num_upstreams", "Count of upstreams connected to DC",
      [=](const auto& pool, auto& out) {
        out.push_back({dc_label(pool), static_cast<double>(pool.n_upstreams)});
      });
  add("mtproto_proxy_dc_num_waiting", "Clients that wait for a connection to the DC",
      [=](const auto& pool, auto& out) {
        out.push_back({dc_label(pool), static_cast<double>(pool.n_waiting)});
      });
  add("mtproto_proxy_dc_upstreams_per_downstream", "Count of upstreams connected to DC",
      [=](const auto& pool, auto& out) {
        for (const auto& [meter, value] :
             {std::pair{"min", pool.min}, std::pair{"max", pool.max}}) {
          auto labels = dc_label(pool);
          labels.emplace_back("meter", meter);
          out.push_back({std::move(labels), static_cast<double>(value)});
        }
      });
}

struct metrics_endpoint::server {
  server(const endpoint& where, const metrics& what)
      : at{where}, all{std::make_shared<collector>(what)} {
    exposer = std::make_unique<prometheus::Exposer>(to_string(at), 1);
    exposer->RegisterCollectable(all);
  }
  endpoint at;
  std::shared_ptr<collector> all;
  std::unique_ptr<prometheus::Exposer> exposer;
};

metrics_endpoint::metrics_endpoint() = default;

metrics_endpoint::~metrics_endpoint() {
  if (server_ == nullptr) return;
  // The web server looks whether it should stop every 2 s, or when a client comes: be one.
  std::atomic<bool> stopped = false;
  std::thread caller{[&] {
    while (!stopped) {
      const auto deadline = std::chrono::steady_clock::now() + knock_interval;
      static_cast<void>(
          net::blocking_socket::connect(to_string(server_->at.ip), server_->at.port, deadline));
      std::this_thread::sleep_until(deadline);
    }
  }};
  server_->exposer.reset();
  stopped = true;
  caller.join();
}

tl::expected<std::unique_ptr<metrics_endpoint>, std::string> metrics_endpoint::open(
    const endpoint& at, const actors::metrics& what) {
  std::unique_ptr<metrics_endpoint> out{new metrics_endpoint};
  try {
    out->server_ = std::make_unique<server>(at, what);
  } catch (const std::exception&) {
    return tl::unexpected{"the metrics endpoint can't listen on " + to_string(at) +
                          "; is the port taken?"};
  }
  return out;
}

}  // namespace mtp::app
