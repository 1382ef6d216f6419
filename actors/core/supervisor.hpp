// Supervisors: actors that start others, notice when one ends, and start it again, as in
// Erlang/OTP. Children and policies are data.
#pragma once

#include <caf/event_based_actor.hpp>
#include <chrono>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "actors/core/limited_log.hpp"
#include "actors/core/name_registry.hpp"

namespace mtp::actors {

enum class restart_policy : std::uint8_t {
  /// Always started again.
  permanent,
  /// Started again if it ended with an error.
  transient,
  /// Never started again.
  temporary,
};

enum class supervision_strategy : std::uint8_t {
  /// A child that ends is restarted alone.
  one_for_one,
  /// When one ends, all others are stopped and all are restarted in order.
  one_for_all,
  /// All children are alike and are started on demand (`start_child`).
  simple_one_for_one,
};

/// Starts an actor; must not block. It is called again for every restart.
using child_start = std::function<caf::actor()>;

struct child_spec {
  /// Its name in the registry, too.
  std::string id;
  restart_policy restart = restart_policy::permanent;
  /// How long it may take to end when asked to, before it is killed.
  std::chrono::milliseconds shutdown{2000};
  child_start start;
};

struct supervisor_spec {
  std::string name;
  supervision_strategy strategy = supervision_strategy::one_for_one;
  /// More restarts than this within `period`: the supervisor stops its children and ends with an
  /// error, which its own supervisor handles in turn.
  unsigned intensity = 50;
  std::chrono::seconds period{5};
  /// Started in this order and stopped in reverse. With simple_one_for_one: one element without
  /// `start`, which has the common properties of all children (`restart`, `shutdown`).
  std::vector<child_spec> children;
};

/// Message: start one more child, the last in the order: permanent, with 2 s to end, or with the
/// common properties of all children (simple_one_for_one). Replies with its handle (caf::actor), or
/// fails with sec::runtime_error while the supervisor is stopping. `id` is registered unless it is
/// empty; if there is a child of that name already, the reply is its handle.
struct start_child {
  std::string id;
  child_start start;
};

/// Message: stop the child of that name for good. No reply.
struct stop_child {
  std::string id;
};

/// Message: replies with a std::vector<child_status>.
struct list_children {};
struct child_status {
  std::string id;
  restart_policy restart = restart_policy::permanent;
  std::uint64_t restarts = 0;
  /// Null while it is being restarted.
  caf::actor handle;
  /// Its own strategy if it is a supervisor, too.
  std::optional<supervision_strategy> strategy;
};

/// Behavior of a supervisor.
/// - exit_msg from any actor: stops its children in reverse order, then ends with that reason.
/// - `start_child`, `stop_child`, `list_children`: see above.
/// However it ends, no child survives it.
class supervisor final : public caf::event_based_actor {
 public:
  supervisor(caf::actor_config& cfg, supervisor_spec spec, name_registry& names);

  [[nodiscard]] const char* name() const override { return spec_.name.c_str(); }
  [[nodiscard]] supervision_strategy strategy() const noexcept { return spec_.strategy; }
  void on_exit() override;

 protected:
  caf::behavior make_behavior() override;

 private:
  struct child {
    child_spec spec;
    std::uint64_t restarts = 0;
    caf::actor handle;
    /// By `stop_child`.
    bool is_dismissed = false;
  };
  /// The step that follows once all children have ended.
  enum class after_stop : std::uint8_t { quit, start_all };

  void start(child& entry);
  void forget(child& entry);
  void handle_down(const caf::down_msg& down);
  void handle_exit(const caf::exit_msg& asked);
  [[nodiscard]] bool restart_allowed();
  void restart(child& entry);
  void end_with(caf::error reason);

  // Stopping: asks the last running child (simple_one_for_one: all children) to end, kills it if it
  // does not end in time, and goes on with the child before it.
  void stop_all(after_stop then);
  void stop_next();
  void stop_timed_out(std::uint64_t attempt);
  [[nodiscard]] std::vector<caf::actor> next_to_stop() const;

  caf::result<caf::actor> handle_start(start_child& request);
  void handle_stop(const std::string& id);

  supervisor_spec spec_;
  name_registry* names_;
  std::vector<child> children_;
  std::deque<caf::actor_clock::time_point> restarts_;
  limited_log ends_{10};
  std::optional<after_stop> stopping_;
  caf::error end_reason_;
  /// Asked to end and not ended yet.
  std::vector<caf::actor> ending_;
  /// Tells the timeouts of successive stops apart.
  std::uint64_t stop_attempt_ = 0;
  bool killing_ = false;
};

/// The strategy of a supervisor; nothing for another actor or a null handle. Any thread.
[[nodiscard]] std::optional<supervision_strategy> strategy_of(const caf::actor& actor);

/// Starts a supervisor; it starts its children at once.
caf::actor spawn_supervisor(caf::actor_system& system, supervisor_spec spec, name_registry& names);

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::start_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::stop_child)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::list_children)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<mtp::actors::child_status>)
