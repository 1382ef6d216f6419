// The state of a node's client side, which outlives the actors that serve clients. A back has none.
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "actors/client/client_list.hpp"
#include "actors/client/client_memory.hpp"
#include "actors/client/cover_table.hpp"
#include "actors/client/fronted_table.hpp"
#include "actors/client/hello_census.hpp"
#include "actors/client/open_port.hpp"
#include "actors/client/own_probes.hpp"
#include "actors/client/replay_journal.hpp"
#include "actors/core/limited_log.hpp"
#include "actors/core/node_core.hpp"
#include "actors/core/shared_replays.hpp"
#include "actors/uplink/uplink.hpp"
#include "net/dial/own_addresses.hpp"
#include "net/relay/pipe_pool.hpp"

namespace mtp::actors {

struct client_side {
  /// After `shared.open`.
  explicit client_side(node_core& shared);

  node_core& core;
  /// Whether a handshake was used before: all that were are in `replays`. What is new goes to
  /// `unwritten` as well, and from there to the file of `journal`.
  replay_cache replays;
  replay_queue unwritten;
  replay_journal journal;
  /// Handshakes that other fronts have seen; null if there can be none. Set as `uplink` is.
  mtp::actors::shared_replays* shared_replays = nullptr;
  /// One per reactor.
  std::deque<client_list> clients;
  net::published<std::vector<served_port>> ports;
  /// Ports that are served no more and have clients still.
  net::published<std::vector<std::weak_ptr<open_port>>> left_ports;
  hello_census hellos;
  /// Connections that are forwarded to cover sites, of all ports.
  fronted_table fronted;
  /// One per reactor, used by its thread alone.
  std::deque<net::pipe_pool> pipes;
  /// What is said of cover sites that can't be reached; one per reactor.
  std::deque<limited_log> site_troubles;
  /// What cover sites answer, as measured last.
  net::published<cover_table> covers;
  /// Hellos of ours that measure them.
  own_probes probes;
  /// No name may lead there.
  net::own_addresses own_addresses;
  /// Where clients get DC connections. Set before the first client comes.
  actors::uplink* uplink = nullptr;

 private:
  std::deque<client_memory> memories_;
};

}  // namespace mtp::actors
