// One thread's event loop: sockets, timers, and the actors that own them. It is a
// caf::execution_unit: a pinned actor (net/loop/pinned_actor.hpp) always runs on its reactor, so it
// touches its sockets without locks, and a message between two actors of one reactor costs no
// thread switch.
#pragma once

#include <algorithm>
#include <atomic>
#include <caf/actor_control_block.hpp>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "codecs/base/bytes.hpp"
#include "net/loop/event_loop.hpp"

namespace mtp::net {

class reactor final : public caf::execution_unit, public event_loop {
 public:
  /// `scratch` bytes of read buffer are shared by all sockets of this reactor. Tests bring a clock.
  reactor(caf::actor_system& system, unsigned index, std::size_t scratch,
          clock_function clock = &steady_clock::now);
  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;
  reactor(reactor&&) = delete;
  reactor& operator=(reactor&&) = delete;
  /// Drops jobs that were never run. All actors on it must have ended or never started.
  ~reactor() override;

  /// Runs until `stop`. The calling thread becomes this reactor's thread.
  void run();
  /// One iteration: waits at most `max_wait` for something to do, then does it. For tests, which
  /// drive a reactor by hand. The calling thread becomes this reactor's thread.
  void run_once(std::chrono::milliseconds max_wait);
  /// Makes `run` return soon. Any thread.
  void stop();

  /// Runs `job` later: here if it is an I/O actor, else in CAF's scheduler. Any thread; takes over
  /// the reference that the caller holds.
  void exec_later(caf::resumable* job) override;
  /// Runs `task` here later, between actors; a task that `stop` overtakes is dropped. Any thread.
  void post(std::function<void()> task);

  [[nodiscard]] unsigned index() const noexcept { return index_; }

  // -- for this reactor's thread only -----------------------------------------------------------

  /// Shared read buffer; its user must be done with it before returning to the loop.
  [[nodiscard]] byte_span scratch() noexcept { return scratch_; }
  /// Not while it is in use.
  void grow_scratch(std::size_t size) { scratch_.resize(std::max(scratch_.size(), size)); }

  /// Drops a reference at the end of the iteration: events in hand may still point at its owner.
  void release_later(caf::strong_actor_ptr actor) { releasing_.push_back(std::move(actor)); }

 private:
  [[nodiscard]] bool on_own_thread() const noexcept;
  void adopt_thread() noexcept;
  [[nodiscard]] std::chrono::milliseconds prepare_to_sleep(std::chrono::milliseconds max_wait);
  void collect_foreign_jobs();
  void run_jobs();

  /// Other threads write to it.
  struct wake_up final : io_source {
    void on_io(std::uint32_t events) override;
    void on_flush() override {}

    unique_fd fd;
  };

  unsigned index_;
  std::atomic<std::thread::id> thread_;
  std::atomic<bool> stopping_ = false;
  wake_up wake_;
  bytes scratch_;

  std::deque<caf::resumable*> jobs_;
  std::vector<caf::strong_actor_ptr> releasing_;

  std::mutex foreign_mutex_;
  std::vector<caf::resumable*> foreign_jobs_;
  std::vector<caf::resumable*> foreign_taken_;
  /// The loop waits, or is about to: a thread that adds a foreign job must wake it.
  std::atomic<bool> sleeping_ = false;
};

}  // namespace mtp::net
