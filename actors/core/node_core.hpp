// State that every actor of the process may use, whatever its role. One object, made by app/ before
// the first actor starts and destroyed after the last one has ended. State that only one part of
// the proxy uses is in client_side, uplink_side or node_link_side.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "actors/core/memory_holder.hpp"
#include "actors/core/memory_ledger.hpp"
#include "actors/core/metrics.hpp"
#include "actors/core/name_registry.hpp"
#include "actors/core/own_clock.hpp"
#include "codecs/node_link/stream_events.hpp"
#include "config/settings.hpp"
#include "net/dial/resolver.hpp"
#include "net/loop/published.hpp"
#include "net/loop/reactor.hpp"

namespace mtp::actors {

/// Message: `node_core::config` has a new value. To actors that have to act on it at once.
struct config_changed {};

struct node_core {
  explicit node_core(config::settings first)
      : config{std::make_shared<const config::settings>(std::move(first))} {}

  /// The operator's settings, as they are now.
  net::published<config::settings> config;
  mtp::actors::metrics metrics;
  name_registry names;
  memory_ledger memory;
  own_clock clock;
  std::vector<std::unique_ptr<net::reactor>> reactors;
  /// Objects that hold memory for streams; a list per reactor, used by its thread alone once it
  /// runs.
  std::deque<std::vector<memory_holder*>> holders;
  /// The proxy is stopping: fetches are given up, and clients that arrive are not served.
  std::atomic<bool> stopping = false;
  /// Which build this is, for other nodes.
  std::string build = "unknown";
  /// Names this process to other nodes; drawn at its start.
  std::uint64_t node_id = 0;

  /// Creates the per-reactor tables and shares out the budget, in bytes. Call once, when `reactors`
  /// is filled.
  void open(std::size_t memory_budget);

  /// For an actor of `home`, on its thread: good until the reactor's turn ends.
  [[nodiscard]] const config::settings& settings(const net::reactor& home) {
    return configs_[home.index()].get();
  }

  /// Of that reactor; on its thread.
  [[nodiscard]] net::resolver& resolver(const net::reactor& home) {
    return resolvers_[home.index()];
  }

  [[nodiscard]] caf::actor_system& system() const { return reactors.front()->system(); }

  /// A stream id that no other stream of this process has or had. `reactor` is the caller's.
  [[nodiscard]] stream_id next_stream(unsigned reactor) noexcept;

 private:
  static constexpr std::size_t max_reactors = 256;
  std::array<std::uint64_t, max_reactors> stream_counters_{};
  std::deque<net::reactor_copy<config::settings>> configs_;
  std::deque<net::resolver> resolvers_;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::config_changed)
