// One node of the proxy: its parts, its reactors and its supervision tree.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "actors/ops/node_parts.hpp"

namespace mtp::app {

class node {
 public:
  explicit node(const config::settings& settings);
  node(const node&) = delete;
  node& operator=(const node&) = delete;
  node(node&&) = delete;
  node& operator=(node&&) = delete;
  /// `shut_down`, however long it takes.
  ~node();

  /// Binds the ports and starts the tree. `on_end` is called, from any thread, when the tree has
  /// ended, asked to or not, and clients that it left behind were told to end. Errors, for the
  /// operator: a port that can't be served, a certificate that can't be used.
  [[nodiscard]] tl::expected<void, std::string> start(std::function<void()> on_end);
  /// Waits for at most as long as it is told. False: not any longer.
  using shutdown_wait = std::function<bool(std::chrono::milliseconds)>;
  /// Ends everything, in this order: the tree, from bottom to top (clients leave, Telegram is
  /// told), then `on_end`; clients that the tree left behind; other actors; the reactors. Starts no
  /// actor. Returns false as soon as `wait` does: then something still runs, and the destructor
  /// would wait for it.
  [[nodiscard]] bool shut_down(const shutdown_wait& wait);
  /// Whether no actor runs any more.
  [[nodiscard]] bool is_idle();

  /// Lowers what the machine can't give, and says so.
  void apply_limits(config::settings& settings) const;

  [[nodiscard]] actors::node_core& core() noexcept { return core_; }
  [[nodiscard]] actors::node_parts& parts() noexcept { return parts_; }
  [[nodiscard]] caf::actor_system& system() noexcept { return system_; }
  /// The root supervisor.
  [[nodiscard]] const caf::actor& root() const noexcept { return root_; }

 private:
  struct caf_config : caf::actor_system_config {
    explicit caf_config(const config::settings& settings);
  };

  void make_reactors(const config::settings& settings);
  void make_sides(const config::settings& settings);
  [[nodiscard]] tl::expected<void, std::string> bind_ports(config::client_config& clients);
  [[nodiscard]] tl::expected<void, std::string> prepare_link(config::settings& settings);
  void run_reactors();
  void end_left_clients();

  caf_config config_;
  caf::actor_system system_;
  actors::node_core core_;
  std::optional<actors::client_side> client_;
  std::optional<actors::uplink_side> uplink_;
  std::optional<actors::node_link_side> link_;
  actors::node_parts parts_;
  std::vector<std::thread> threads_;
  caf::actor root_;
  /// Ready when the tree has ended and nothing else of it will use this node.
  std::future<void> tree_end_;
};

}  // namespace mtp::app
