// The state of the node link, which outlives its actors. A node without a link has none. To the
// clients of a front it is their uplink.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "actors/core/node_core.hpp"
#include "actors/core/shared_replays.hpp"
#include "actors/node_link/known_backs.hpp"
#include "actors/node_link/reached_backs.hpp"
#include "actors/uplink/uplink.hpp"
#include "net/loop/bound_port.hpp"
#include "net/node_link/link_session.hpp"
#include "net/relay/pipe_pool.hpp"
#include "net/tls/tls_context.hpp"

namespace mtp::actors {

/// The port where a back waits for fronts; null on a front, and where CAF listens.
struct link_port {
  std::shared_ptr<net::bound_port> sockets;
};

struct node_link_side final : uplink {
  explicit node_link_side(node_core& shared) : core{shared}, shared_replays{shared.metrics} {}

  node_core& core;
  net::published<link_port> port;
  /// Null unless the link has our TLS (`transport = "tls"`).
  std::shared_ptr<net::tls_credentials> credentials;
  /// Connections that were let in; used by link_listener alone, and by its restarted successors.
  std::vector<std::weak_ptr<net::link_session>> sessions;
  /// Of link_listener's reactor, for strangers.
  net::pipe_pool pipes;
  // Of a front.
  known_backs backs;
  mtp::actors::reached_backs reached_backs;
  /// Handshakes that fronts tell each other of; of a back only its counters are used.
  mtp::actors::shared_replays shared_replays;
  /// Of a back: where its fronts' clients get DC connections. Set before the first front comes.
  actors::uplink* uplink = nullptr;
  /// Answers a line of the console (app/console_commands), in a few seconds. Any thread; blocks.
  std::function<tl::expected<std::string, std::string>(std::string_view line)> answer_console;

  /// The operator's settings for the link, as they are now. Any thread.
  [[nodiscard]] std::shared_ptr<const config::link_config> settings() const;
  /// This node's name: the one in its certificate if the link has our TLS, else `node_name`.
  [[nodiscard]] std::string own_name() const;
  /// Of a front: its agent of `reactor`; empty while that is being restarted.
  [[nodiscard]] tl::expected<reservation, refusal> reserve(const stream::open& request,
                                                           unsigned reactor) override;
};

}  // namespace mtp::actors
