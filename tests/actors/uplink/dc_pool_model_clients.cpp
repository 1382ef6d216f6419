// The clients of the pool's model, and what is reserved for clients that have not come yet.
#include <algorithm>

#include "tests/actors/uplink/dc_pool_model_world.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {

client_record& dc_pool_world::add_client(unsigned reactor, reservation held) {
  auto& added = clients_.emplace_back();
  added.reactor = reactor;
  added.handle =
      net::spawn_pinned<model_client>(*node_.core.reactors[reactor], std::ref(node_.core),
                                      std::ref(node_.uplink), std::ref(added), std::move(held));
  return added;
}

void dc_pool_world::reserve(unsigned reactor) {
  std::vector<std::size_t> before;
  for (const auto& conn : conns_)
    before.push_back(conn.load->clients);
  auto reserved = node_.uplink.reserve({.dc = modelled_dc}, reactor);
  RC_ASSERT(reserved.has_value());
  RC_ASSERT(static_cast<bool>(*reserved));
  auto& added = held_.emplace_back();
  added.kept = std::move(*reserved);
  added.reactor = reactor;
  auto old = before.begin();
  for (const auto& conn : conns_)
    if (conn.load->clients != *old++) added.conn = &conn;
}

dc_pool_world::held_reservation dc_pool_world::let_go(unsigned pick) {
  if (held_.empty()) return {};
  const auto chosen = held_.begin() + static_cast<std::ptrdiff_t>(pick % held_.size());
  auto gone = std::move(*chosen);
  held_.erase(chosen);
  return gone;
}

void dc_pool_world::come_and_check_choice(unsigned reactor) {
  react();
  std::map<std::uint64_t, std::size_t> before;
  for (const auto& conn : conns_)
    if (is_open(conn)) before[conn.number] = conn.load->clients;
  const bool others_wait = status().n_waiting > 0;
  auto& added = add_client(reactor);
  react();
  if (before.empty() || others_wait) return;
  RC_ASSERT(added.now == client_record::state::is_open);
  std::size_t least = SIZE_MAX;
  std::size_t least_here = SIZE_MAX;
  const conn_record* chosen = nullptr;
  for (const auto& conn : conns_) {
    if (conn.handle == added.conn) chosen = &conn;
    if (!before.contains(conn.number)) continue;
    least = std::min(least, before[conn.number]);
    if (conn.reactor == reactor) least_here = std::min(least_here, before[conn.number]);
  }
  RC_ASSERT(chosen != nullptr);
  if (least_here <= per_connection) {
    RC_ASSERT(chosen->reactor == reactor);
    RC_ASSERT(before[chosen->number] == least_here);
  } else {
    RC_ASSERT(before[chosen->number] == least);
  }
}

client_record* dc_pool_world::pick_client(unsigned pick) {
  std::vector<client_record*> alive;
  for (auto& client : clients_)
    if (client.now != client_record::state::over) alive.push_back(&client);
  return alive.empty() ? nullptr : alive[pick % alive.size()];
}

std::size_t dc_pool_world::clients_on(const conn_record& conn) {
  return static_cast<std::size_t>(std::ranges::count_if(clients_, [&](const auto& client) {
    return client.now == client_record::state::is_open && client.conn == conn.handle;
  }));
}

std::size_t dc_pool_world::reserved_on(const conn_record& conn) {
  return static_cast<std::size_t>(std::ranges::count(held_, &conn, &held_reservation::conn));
}

}  // namespace mtp::actors
