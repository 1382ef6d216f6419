// The DC connections that take clients, by reactor: most client_conns find a connection of their
// own reactor here, without a message to the pool. The pools offer connections and withdraw them.
#pragma once

#include <caf/actor.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "actors/uplink/uplink.hpp"
#include "codecs/telegram/dc_list.hpp"

namespace mtp::actors {

/// Any thread may use it: a lock per reactor, so that reactors do not wait for each other.
class dc_conn_board {
 public:
  /// For `reactors` reactors. Call once, before use.
  void open(std::size_t reactors) { shelves_.resize(reactors); }

  /// From now on `conn`, which is on `reactor`, is given clients.
  void offer(dc_id dc, unsigned reactor, const caf::actor& conn,
             std::shared_ptr<dc_conn_load> load);
  /// From now on `conn` is given no clients. Those it was given are counted in its load, and what
  /// was reserved before still may be used. Does nothing if it is not offered.
  void withdraw(dc_id dc, unsigned reactor, const caf::actor& conn);
  /// The least loaded connection with less than `full` clients, one client more counted in its
  /// load. Empty if there is none.
  [[nodiscard]] reservation take(dc_id dc, unsigned reactor, std::size_t full);
  /// All connections that are offered on `reactor`.
  [[nodiscard]] std::vector<caf::actor> all_of(unsigned reactor);

 private:
  struct offered {
    caf::actor conn;
    std::shared_ptr<dc_conn_load> load;
  };
  /// Of one reactor.
  struct shelf {
    std::mutex mutex;
    std::unordered_map<dc_id, std::vector<offered>> conns;
  };

  std::deque<shelf> shelves_;
};

}  // namespace mtp::actors
