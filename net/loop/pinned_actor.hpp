// An actor that lives on one reactor: its handlers, its sockets' events and its timers all run
// there. What depends on the inside of CAF 0.17.6 is here and in net/loop/reactor.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/event_based_actor.hpp>

#include "net/loop/quiet_actor.hpp"
#include "net/loop/reactor.hpp"

namespace mtp::net {

/// Returns the message's only element if it is a `T`, to be dispatched before any behavior is
/// tried.
template <class T>
[[nodiscard]] T* message_as(caf::mailbox_element& x) {
  auto& content = x.content();
  if (content.size() != 1 || !content.match_element<T>(0)) return nullptr;
  return &content.get_mutable_as<T>(0);
}

/// Base of all actors with sockets. It keeps itself alive from its start to its end: an fd's or a
/// timer's raw pointer to it stays valid.
class pinned_actor : public caf::event_based_actor, public timer_owner {
 public:
  pinned_actor(caf::actor_config& cfg, reactor& home);

  // A subclass may not change where everything runs.
  using caf::abstract_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr message, caf::execution_unit* from) final;
  void enqueue(caf::strong_actor_ptr source, caf::message_id mid, caf::message content,
               caf::execution_unit* from) final;
  void launch(caf::execution_unit* from, bool lazy, bool hide) final;
  [[nodiscard]] subtype_t subtype() const final { return io_actor; }
  void initialize() final;
  void on_exit() final;
  caf::invoke_message_result consume(caf::mailbox_element& x) final;
  bool cleanup(caf::error&& why, caf::execution_unit* host) final;

  [[nodiscard]] reactor& home() const noexcept { return *home_; }

  /// Runs `body` like a message handler: exceptions end the actor, and so does `quit`. For events
  /// that do not come through the mailbox.
  template <class Body>
  void run_as_handler(Body&& body) {
    if (!activate(home_)) return;
    try {
      body();
    } catch (...) {
      quit(report_bug(std::current_exception()));
    }
    bhvr_stack().cleanup();
    finalize();
  }

  void on_timer(timer& due) final {
    run_as_handler([&] { on_due(due); });
  }

 protected:
  /// Once, before anything else. The returned behavior handles what `on_message` leaves.
  virtual caf::behavior start() = 0;
  /// The hot path: takes a message by its type; false leaves it to the behavior.
  virtual bool on_message(caf::mailbox_element& x) = 0;
  /// One of the actor's timers is due.
  virtual void on_due(timer& due) = 0;
  /// Once if `start` was called, whatever ended the actor: give back sockets, timers and counts.
  /// Only `anon_send` works here.
  virtual void stopped() = 0;

  caf::behavior make_behavior() final { return start(); }

 private:
  reactor* home_;
  caf::strong_actor_ptr self_;
};

/// Starts a pinned actor on `home`, from any thread.
template <class Actor, class... Args>
caf::actor spawn_pinned(reactor& home, Args&&... args) {
  caf::actor_config cfg{&home};
  return home.system().spawn_class<Actor, caf::no_spawn_options>(cfg, home,
                                                                 std::forward<Args>(args)...);
}

}  // namespace mtp::net
