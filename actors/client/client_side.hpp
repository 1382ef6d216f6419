// The state of a node's client side, which outlives the actors that serve clients. A back has none.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "actors/client/client_list.hpp"
#include "actors/client/client_memory.hpp"
#include "actors/client/open_port.hpp"
#include "actors/client/replay_cache.hpp"
#include "actors/core/node_core.hpp"
#include "actors/uplink/uplink.hpp"

namespace mtp::actors {

struct client_side {
  /// After `shared.open`.
  explicit client_side(node_core& shared);

  node_core& core;
  replay_cache replays;
  /// One per reactor.
  std::deque<client_list> clients;
  net::published<std::vector<served_port>> ports;
  /// Ports that are served no more and have clients still.
  net::published<std::vector<std::weak_ptr<open_port>>> left_ports;
  /// Where clients get DC connections. Set before the first client comes.
  actors::uplink* uplink = nullptr;

 private:
  std::deque<client_memory> memories_;
};

}  // namespace mtp::actors
