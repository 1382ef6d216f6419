// The state of a node's connections to middle proxies, which outlives the actors for them. A front
// has none.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "actors/core/node_core.hpp"
#include "actors/uplink/middle/dc_conn_board.hpp"
#include "actors/uplink/middle/telegram_config.hpp"
#include "actors/uplink/uplink.hpp"

namespace mtp::actors {

/// The bytes that dc_conns hold for Telegram, which may not take them: dc_conns can give them up.
class dc_conn_memory final : public memory_holder {
 public:
  dc_conn_memory(dc_conn_board& conns, unsigned reactor) : conns_{&conns}, reactor_{reactor} {}
  void relieve() override;

 private:
  dc_conn_board* conns_;
  unsigned reactor_;
};

struct uplink_side final : uplink {
  /// After `shared.open`.
  explicit uplink_side(node_core& shared);

  node_core& core;
  dc_conn_board conns;
  /// Null until dc_config has a configuration.
  net::published<telegram_config> telegram;
  /// How far our clock was ahead of that of core.telegram.org at the last fetch, if that is known.
  net::published<std::optional<std::chrono::seconds>> clock_ahead;
  /// Told when our address as Telegram sees it becomes known or changes.
  std::function<void(const ip_address& ours)> address_found = [](const ip_address&) {};

  /// A connection on `reactor` to the DC of `request` that has room. If there is none, the pool;
  /// empty while that does not run. Of a new client's DC that is unknown,
  /// `telegram_config::resolve` has another one. Error: `unknown_dc` for a client that migrates.
  [[nodiscard]] tl::expected<reservation, refusal> reserve(const stream::open& request,
                                                           unsigned reactor) override;

  /// The operator's settings for this side, as they are now. Any thread.
  [[nodiscard]] std::shared_ptr<const config::uplink_config> settings() const;

 private:
  std::deque<dc_conn_memory> memories_;
};

}  // namespace mtp::actors
