#include "app/gauges.hpp"

#include <doctest/doctest.h>

#include <caf/all.hpp>

#include "actors/core/names.hpp"
#include "actors/ops/inspector.hpp"
#include "app/metrics_text.hpp"
#include "net/loop/quiet_actor.hpp"

namespace mtp::app {
namespace {

using namespace std::chrono_literals;

/// Has a mailbox, and never looks into it.
caf::actor spawn_hung(caf::actor_system& system) {
  return net::spawn_quiet<caf::event_based_actor>(
      system, [](caf::event_based_actor* self) -> caf::behavior {
        self->set_default_handler(caf::skip);
        return {[](caf::unit_t) {}};
      });
}

caf::actor spawn_pool(caf::actor_system& system, std::atomic<int>& asked) {
  return net::spawn_quiet<caf::event_based_actor>(
      system, [&asked](caf::event_based_actor*) -> caf::behavior {
        return {[&asked](actors::get_dc_pool_status) {
          ++asked;
          return actors::dc_pool_status{.dc = 1, .n_conns = 2, .n_clients = 3, .max = 4};
        }};
      });
}

TEST_CASE("gauges: actors that hang cost one patience together, and are left out") {
  caf::actor_system_config config;
  caf::actor_system system{config};
  actors::node_core core{{}};
  actors::uplink_side uplink{core};
  actors::node_parts parts{.core = core, .uplink = &uplink};
  uplink.telegram.set(
      std::make_shared<const actors::telegram_config>(actors::built_in_telegram_config()));
  const auto dcs = uplink.telegram.get()->dcs();
  REQUIRE(dcs.size() >= 5);
  std::atomic<int> asked = 0;
  std::vector<caf::actor> pools;
  for (const auto dc : dcs) {
    pools.push_back(dc == 1 ? spawn_pool(system, asked) : spawn_hung(system));
    core.names.put(actors::names::dc_pool(dc), pools.back());
  }
  add_gauges(parts, system);
  // Without an inspector there is nothing to tell.
  CHECK(metrics_text(core.metrics).find("mtproto_proxy_dc_num_downstreams{") == std::string::npos);
  const auto inspector = net::spawn_quiet<caf::stateful_actor<actors::inspector_state>>(
      system, [&](auto* self) { return actors::inspector(self, parts); });
  core.names.put(std::string{actors::names::inspector}, inspector);
  const auto begun = std::chrono::steady_clock::now();
  const auto text = metrics_text(core.metrics);
  const auto took = std::chrono::steady_clock::now() - begun;
  CHECK(took > 900ms);
  CHECK(took < 2500ms);
  // All gauges of a pool are of one answer: a scrape asks each pool once.
  CHECK(asked == 1);
  // The inspector's own numbers come with them.
  CHECK(text.find("mtproto_proxy_memory_bytes{kind=\"budget\"} ") != std::string::npos);
  for (const std::string line :
       {"mtproto_proxy_dc_num_downstreams{dc=\"1\"} 2\n",
        "mtproto_proxy_dc_num_upstreams{dc=\"1\"} 3\n",
        "mtproto_proxy_dc_num_waiting{dc=\"1\"} 0\n",
        "mtproto_proxy_dc_upstreams_per_downstream{dc=\"1\",meter=\"max\"} 4\n"}) {
    INFO(line);
    CHECK(text.find(line) != std::string::npos);
  }
  CHECK(text.find("dc=\"2\"") == std::string::npos);
  caf::anon_send_exit(inspector, caf::exit_reason::kill);
  for (const auto& pool : pools)
    caf::anon_send_exit(pool, caf::exit_reason::kill);
}

}  // namespace
}  // namespace mtp::app
