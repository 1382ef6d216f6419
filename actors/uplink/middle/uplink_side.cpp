#include "actors/uplink/middle/uplink_side.hpp"

#include <caf/all.hpp>

#include "actors/core/names.hpp"

namespace mtp::actors {

void dc_conn_memory::relieve() {
  for (const auto& conn : conns_->all_of(reactor_))
    caf::anon_send(conn, memory_is_scarce{});
}

uplink_side::uplink_side(node_core& shared) : core{shared} {
  conns.open(core.reactors.size());
  for (const auto& reactor : core.reactors)
    core.holders[reactor->index()].push_back(&memories_.emplace_back(conns, reactor->index()));
}

tl::expected<reservation, refusal> uplink_side::reserve(const stream::open& request,
                                                        unsigned reactor) {
  const auto resolved = telegram.get()->resolve(request.dc);
  if (!resolved) return {};
  // Its keys are those of the DC that served it.
  if (request.migrating && resolved != request.dc) return tl::unexpected{refusal::unknown_dc};
  // A full one is the pool's business: it has more of them opened.
  const auto full = core.settings(*core.reactors[reactor]).uplink.clients_per_dc_connection;
  if (auto conn = conns.take(*resolved, reactor, full)) return conn;
  return reservation{core.names.find(names::dc_pool(*resolved))};
}

std::shared_ptr<const config::uplink_config> uplink_side::settings() const {
  const auto all = core.config.get();
  return {all, &all->uplink};
}

}  // namespace mtp::actors
