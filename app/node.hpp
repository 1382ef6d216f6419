// One node of the proxy: its environment, its reactors and its supervision tree.
#pragma once

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <functional>
#include <thread>
#include <tl/expected.hpp>
#include <vector>

#include "actors/environment.hpp"

namespace mtp::app {

class node {
 public:
  explicit node(const config::settings& settings);
  node(const node&) = delete;
  node& operator=(const node&) = delete;
  node(node&&) = delete;
  node& operator=(node&&) = delete;
  /// Kills what still runs, and waits for it.
  ~node();

  /// Binds the ports and starts the tree. `on_end` is called, from any thread, when the tree has
  /// ended, asked to or not. Errors, for the operator: a port that can't be served, a certificate
  /// that can't be used.
  [[nodiscard]] tl::expected<void, std::string> start(std::function<void()> on_end);
  /// Asks the tree to stop: clients leave, Telegram is told, then `on_end`. Does not wait.
  void stop();
  /// After `on_end`: whether no actor runs any more, so that the destructor will not wait.
  [[nodiscard]] bool is_idle();

  [[nodiscard]] actors::environment& env() noexcept { return env_; }
  [[nodiscard]] caf::actor_system& system() noexcept { return system_; }
  /// The root supervisor.
  [[nodiscard]] const caf::actor& root() const noexcept { return root_; }

 private:
  struct caf_config : caf::actor_system_config {
    explicit caf_config(const config::settings& settings);
  };

  void limit_connections();
  void make_reactors();
  [[nodiscard]] tl::expected<void, std::string> bind_ports();
  [[nodiscard]] tl::expected<void, std::string> prepare_link();

  caf_config config_;
  caf::actor_system system_;
  actors::environment env_;
  std::vector<std::thread> threads_;
  caf::actor root_;
};

}  // namespace mtp::app
