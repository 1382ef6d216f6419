// Everything an actor under test needs, in one thread and with a clock that tests turn: CAF's
// testing scheduler for scheduled actors, reactors that are driven by hand for pinned ones.
#pragma once

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include "actors/ops/node_parts.hpp"

namespace mtp::test {

/// Declared before `manual_node`, so that it outlives the actors.
struct testing_config : caf::actor_system_config {
  testing_config() { set("scheduler.policy", caf::atom("testing")); }
};

class manual_node {
 public:
  static constexpr std::size_t memory_budget = std::size_t{256} * 1024 * 1024;

  explicit manual_node(unsigned reactors = 1, const std::string& state_dir = {})
      : system_{config_},
        core{usual_settings(state_dir)},
        client{opened(reactors)},
        uplink{core},
        link{core} {
    link.uplink = &uplink;
    client.shared_replays = &link.shared_replays;
    // The testing scheduler runs only what a test has it run: waiting would be for ever.
    system_.await_actors_before_shutdown(false);
  }
  manual_node(const manual_node&) = delete;
  manual_node& operator=(const manual_node&) = delete;
  manual_node(manual_node&&) = delete;
  manual_node& operator=(manual_node&&) = delete;
  ~manual_node() { settle(); }

  [[nodiscard]] caf::actor_system& system() noexcept { return system_; }
  [[nodiscard]] caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  /// Runs scheduled actors and reactors until none has anything left to do. Sockets that need the
  /// kernel to move bytes first get a few rounds.
  void settle() {
    for (int round = 0; round < 8; ++round) {
      scheduler().run();
      for (const auto& reactor : core.reactors)
        reactor->run_once(std::chrono::milliseconds{0});
    }
  }

  /// Publishes the settings as `change` leaves them, and has backs follow.
  template <class Change>
  void configure(Change&& change) {
    auto next = *core.config.get();
    change(next);
    link.backs.follow(next);
    core.config.set(std::make_shared<const config::settings>(std::move(next)));
  }

  /// Moves the clocks on, and lets what is due then happen.
  void advance(caf::timespan by) {
    now_() += by;
    scheduler().advance_time(by);
    settle();
  }

 private:
  static net::steady_clock::time_point& now_() {
    static net::steady_clock::time_point now = net::steady_clock::now();
    return now;
  }
  static net::steady_clock::time_point fake_now() { return now_(); }

  static config::settings usual_settings(const std::string& state_dir) {
    config::settings settings;
    settings.process.state_dir = state_dir;
    settings.client.replay_cache.max_memory_mb = memory_budget / 8 >> 20U;
    return settings;
  }
  actors::node_core& opened(unsigned reactors) {
    constexpr std::size_t scratch = std::size_t{1} << 19;
    for (unsigned i = 0; i < reactors; ++i)
      core.reactors.push_back(std::make_unique<net::reactor>(system_, i, scratch, &fake_now));
    core.open(memory_budget);
    return core;
  }

  testing_config config_;
  caf::actor_system system_;

 public:
  actors::node_core core;
  actors::client_side client;
  actors::uplink_side uplink;
  actors::node_link_side link;
  actors::node_parts parts{.core = core, .client = &client, .uplink = &uplink, .link = &link};
};

/// An actor that keeps what it is sent: messages of type `Ts`, in order a type. Requests are
/// answered with nothing.
template <class... Ts>
class inbox {
 public:
  explicit inbox(caf::actor_system& system)
      : state_{std::make_shared<std::tuple<std::vector<Ts>...>>()} {
    handle_ = system.spawn([state = state_](caf::event_based_actor* self) -> caf::behavior {
      self->set_default_handler([](caf::scheduled_actor*, caf::message_view&) {
        return caf::result<caf::message>{caf::make_message()};
      });
      return caf::message_handler{
          [state](const Ts& message) { std::get<std::vector<Ts>>(*state).push_back(message); }...};
    });
  }
  [[nodiscard]] const caf::actor& handle() const noexcept { return handle_; }
  template <class T>
  [[nodiscard]] std::vector<T>& all() {
    return std::get<std::vector<T>>(*state_);
  }

 private:
  std::shared_ptr<std::tuple<std::vector<Ts>...>> state_;
  caf::actor handle_;
};

}  // namespace mtp::test
