// What every actor of the process may use. One object, made by app/ before the first actor starts
// and destroyed after the last one has ended.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <tl/expected.hpp>
#include <vector>

#include "actors/client/client_list.hpp"
#include "actors/client/client_metrics.hpp"
#include "actors/client/newcomers.hpp"
#include "actors/client/replay_cache.hpp"
#include "actors/core/memory_holder.hpp"
#include "actors/core/memory_ledger.hpp"
#include "actors/core/metrics.hpp"
#include "actors/core/name_registry.hpp"
#include "actors/node_link/reached_backs.hpp"
#include "actors/uplink/middle/dc_conn_board.hpp"
#include "actors/uplink/middle/telegram_config.hpp"
#include "codecs/node_link/stream_frame.hpp"
#include "config/settings.hpp"
#include "net/loop/bound_port.hpp"
#include "net/loop/reactor.hpp"
#include "net/node_link/link_session.hpp"
#include "net/tls/tls_context.hpp"

namespace mtp::actors {

/// One configured port with its sockets and its share of `max_connections`.
struct open_port {
  open_port(config::port_settings configured, net::bound_port bound, client_metrics counters)
      : settings{std::move(configured)}, sockets{std::move(bound)}, metrics{std::move(counters)} {}

  config::port_settings settings;
  net::bound_port sockets;
  client_metrics metrics;
  /// Clients connected through it, and of them those that have not shown yet that they are some.
  std::atomic<std::size_t> connections = 0;
  mtp::actors::newcomers newcomers;
};

/// Where an `open_stream` goes: a null handle if there is nobody (yet); an error if there can't be.
using routed = tl::expected<caf::actor, refusal>;

struct environment {
  config::settings settings;
  mtp::actors::metrics metrics;
  name_registry names;
  replay_cache replays;
  dc_conn_board conns;
  memory_ledger memory;
  telegram_config_slot telegram;
  std::vector<std::unique_ptr<net::reactor>> reactors;
  /// One a reactor.
  std::deque<client_list> clients;
  /// Who else holds memory for streams; a list a reactor, used by its thread alone.
  std::deque<std::vector<memory_holder*>> holders;
  std::vector<std::unique_ptr<open_port>> ports;
  /// The proxy is stopping: fetches are given up, and clients that arrive are not served.
  std::atomic<bool> stopping = false;

  /// Whom to ask for a DC connection, by an `open_stream`: a connection to that DC, or to the
  /// one that stands in for it, that expects this client now; the pool; in split mode the conn
  /// agent of the client's reactor.
  std::function<routed(const stream::open& request, unsigned reactor)> route;

  // -- node link: null and empty where there is none ---------------------------------------------

  /// Where a back waits for fronts.
  std::unique_ptr<net::bound_port> link_port;
  /// With TLS.
  std::shared_ptr<net::tls_credentials> link_credentials;
  /// Connections that were let in; used by link_listener alone, and its successors.
  std::vector<std::weak_ptr<net::link_session>> link_sessions;

  /// Of a front.
  mtp::actors::reached_backs reached_backs;

  /// What this node calls itself: with certificates of ours, what they say now.
  [[nodiscard]] std::string own_name() const;

  /// Which build this is, for other nodes.
  std::string build = "unknown";
  /// Names this process to other nodes; drawn at its start.
  std::uint64_t node_id = 0;

  /// Answers a line of the console (app/console_commands), in a few seconds. Any thread; blocks.
  std::function<tl::expected<std::string, std::string>(std::string_view line)> answer_console;

  /// Told when our address as Telegram sees it becomes known or changes.
  std::function<void(const ip_address& ours)> address_found = [](const ip_address&) {};

  /// Creates the per-reactor tables and shares out the budget, in bytes. Call once, when `reactors`
  /// is filled.
  void open(std::size_t memory_budget);

  [[nodiscard]] caf::actor_system& system() const { return reactors.front()->system(); }

  /// A stream id that no other stream of this process has or had. `reactor` is the caller's.
  [[nodiscard]] stream_id next_stream(unsigned reactor) noexcept;

 private:
  static constexpr std::size_t max_reactors = 256;
  std::array<std::uint64_t, max_reactors> stream_counters_{};
};

}  // namespace mtp::actors
