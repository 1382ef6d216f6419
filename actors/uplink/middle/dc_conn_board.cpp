#include "actors/uplink/middle/dc_conn_board.hpp"

#include <algorithm>

namespace mtp::actors {

void dc_conn_board::offer(dc_id dc, unsigned reactor, const caf::actor& conn,
                          std::shared_ptr<dc_conn_load> load) {
  auto& here = shelves_[reactor];
  const std::lock_guard lock{here.mutex};
  here.conns[dc].push_back({.conn = conn, .load = std::move(load)});
}

void dc_conn_board::withdraw(dc_id dc, unsigned reactor, const caf::actor& conn) {
  auto& here = shelves_[reactor];
  const std::lock_guard lock{here.mutex};
  const auto known = here.conns.find(dc);
  if (known == here.conns.end()) return;
  std::erase_if(known->second, [&](const offered& offer) { return offer.conn == conn; });
  if (known->second.empty()) here.conns.erase(known);
}

reservation dc_conn_board::take(dc_id dc, unsigned reactor, std::size_t full) {
  auto& here = shelves_[reactor];
  const std::lock_guard lock{here.mutex};
  const auto known = here.conns.find(dc);
  if (known == here.conns.end()) return {};
  const auto least = std::ranges::min_element(
      known->second, {}, [](const offered& offer) { return offer.load->clients.load(); });
  if (least->load->clients >= full) return {};
  return reservation{least->conn, counted_client{least->load}};
}

std::vector<caf::actor> dc_conn_board::all_of(unsigned reactor) {
  std::vector<caf::actor> handles;
  auto& mine = shelves_[reactor];
  const std::lock_guard lock{mine.mutex};
  for (const auto& [dc, conns] : mine.conns)
    for (const auto& offer : conns)
      handles.push_back(offer.conn);
  return handles;
}

}  // namespace mtp::actors
