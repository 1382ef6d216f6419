#include "app/gauges.hpp"

#include <caf/all.hpp>

#include "actors/core/names.hpp"
#include "actors/ops/inspector.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;
using actors::metrics;

/// The inspector leaves out actors that do not answer in time; this is for the inspector itself.
constexpr std::chrono::milliseconds inspector_patience = actors::inspection_patience + 500ms;

/// What the inspector tells; nothing of what it does not answer.
struct answers {
  actors::process_report process;
  std::vector<actors::dc_pool_status> pools;
  actors::nodes_report nodes;
};

answers ask_inspector(const actors::node_parts& node, caf::actor_system& system) {
  answers result;
  const auto inspector = node.core.names.find(actors::names::inspector);
  if (inspector == nullptr) return result;
  // Hidden: the actor system does not wait for it when it waits for all actors to end.
  caf::scoped_actor self{system, true};
  // All at once: if several actors hang, that takes no longer than one.
  auto process = self->request(inspector, inspector_patience, actors::inspect_process{});
  auto pools = self->request(inspector, inspector_patience, actors::inspect_pools{});
  auto nodes = self->request(inspector, inspector_patience, actors::inspect_nodes{});
  const auto missing = [](const caf::error&) {};
  process.receive([&](actors::process_report& report) { result.process = std::move(report); },
                  missing);
  pools.receive(
      [&](const actors::pools_report& report) {
        for (const auto& pool : report.pools)
          if (pool.trouble.empty()) result.pools.push_back(pool.status);
      },
      missing);
  nodes.receive([&](actors::nodes_report& report) { result.nodes = std::move(report); }, missing);
  return result;
}

/// A gauge, and how it is made of what the inspector tells.
struct asked_gauge {
  metrics::gauge_name name;
  std::function<void(const answers&, metrics::gauge_values&)> read;
};

actors::metric_labels dc_label(const actors::dc_pool_status& pool) {
  return {{"dc", std::to_string(pool.dc)}};
}

/// A number of each pool.
template <class Number>
asked_gauge pool_gauge(metrics::gauge_name name, Number actors::dc_pool_status::*number) {
  return {name, [number](const answers& from, metrics::gauge_values& into) {
            for (const auto& pool : from.pools)
              into.emplace_back(dc_label(pool), static_cast<double>(pool.*number));
          }};
}

void read_clients_per_conn(const answers& from, metrics::gauge_values& into) {
  for (const auto& pool : from.pools)
    for (const auto& [meter, value] : {std::pair{"min", pool.min}, std::pair{"max", pool.max}}) {
      auto labels = dc_label(pool);
      labels.emplace_back("meter", meter);
      into.emplace_back(std::move(labels), static_cast<double>(value));
    }
}

void read_backs(const answers& from, metrics::gauge_values& into) {
  for (const auto& back : from.nodes.backs)
    into.push_back({{{"back", back.status.where}}, back.status.connected ? 1.0 : 0.0});
}

void read_fronts(const answers& from, metrics::gauge_values& into) {
  if (from.nodes.fronts) into.push_back({{}, static_cast<double>(from.nodes.fronts->size())});
}

std::vector<asked_gauge> asked_gauges(config::node_role role) {
  using status = actors::dc_pool_status;
  std::vector<asked_gauge> gauges{
      {actors::connections_gauge,
       [](const answers& from, metrics::gauge_values& into) { into = from.process.connections; }},
      {actors::fronted_gauge,
       [](const answers& from, metrics::gauge_values& into) { into = from.process.fronted; }},
      {actors::memory_gauge,
       [](const answers& from, metrics::gauge_values& into) { into = from.process.memory; }},
      {actors::replay_file_gauge,
       [](const answers& from, metrics::gauge_values& into) { into = from.process.replay_file; }},
      pool_gauge({.name = "mtproto_proxy_dc_num_downstreams",
                  .help = "Connections to the DC that take clients"},
                 &status::n_conns),
      pool_gauge(
          {.name = "mtproto_proxy_dc_num_upstreams", .help = "Clients on connections to the DC"},
          &status::n_clients),
      pool_gauge({.name = "mtproto_proxy_dc_num_waiting",
                  .help = "Clients that wait for a connection to the DC"},
                 &status::n_waiting),
      {{.name = "mtproto_proxy_dc_upstreams_per_downstream",
        .help = "Clients per connection to the DC"},
       read_clients_per_conn}};
  if (role == config::node_role::front)
    gauges.push_back(
        {{.name = "mtproto_proxy_link_connected", .help = "Whether there is a session with a back"},
         read_backs});
  if (role == config::node_role::back)
    gauges.push_back(
        {{.name = "mtproto_proxy_link_fronts", .help = "Fronts that have a session"}, read_fronts});
  return gauges;
}

}  // namespace

void add_gauges(actors::node_parts& node, caf::actor_system& system) {
  const auto gauges = asked_gauges(node.core.config.get()->process.role);
  std::vector<metrics::gauge_name> names;
  names.reserve(gauges.size());
  for (const auto& gauge : gauges)
    names.push_back(gauge.name);
  node.core.metrics.set_gauges(names, [&node, &system, gauges] {
    const auto told = ask_inspector(node, system);
    std::vector<metrics::gauge_values> values(gauges.size());
    for (std::size_t i = 0; i < gauges.size(); ++i)
      gauges[i].read(told, values[i]);
    return values;
  });
}

}  // namespace mtp::app
