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
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "codecs/base/bytes.hpp"
#include "net/loop/timer_wheel.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::net {

/// Something with a descriptor that a reactor watches. While watched, it must stay alive and in
/// place; after `unwatch`, until the end of the loop iteration (see `reactor::release_later`).
class io_source {
 public:
  /// The descriptor is ready: EPOLL* bits.
  virtual void on_io(std::uint32_t events) = 0;
  /// Asked for with `flush_later`; comes once, at the end of the loop iteration.
  virtual void on_flush() = 0;

  io_source() = default;
  io_source(const io_source&) = delete;
  io_source& operator=(const io_source&) = delete;
  io_source(io_source&&) = delete;
  io_source& operator=(io_source&&) = delete;
  virtual ~io_source() = default;

 private:
  friend class reactor;
  static constexpr std::size_t not_dirty = SIZE_MAX;
  /// Place in the reactor's list of sources to flush.
  std::size_t dirty_at_ = not_dirty;
};

class reactor final : public caf::execution_unit {
 public:
  using clock_function = steady_clock::time_point (*)();
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

  [[nodiscard]] unsigned index() const noexcept { return index_; }

  // -- for this reactor's thread only -----------------------------------------------------------

  /// The time at the start of this iteration: good enough for timeouts, and free.
  [[nodiscard]] steady_clock::time_point now() const noexcept { return now_; }
  [[nodiscard]] timer_wheel& timers() noexcept { return timers_; }
  /// Shared read buffer; whoever uses it must be done before returning to the loop.
  [[nodiscard]] byte_span scratch() noexcept { return scratch_; }
  /// Not while somebody reads into it.
  void grow_scratch(std::size_t size) { scratch_.resize(std::max(scratch_.size(), size)); }

  void watch(int fd, io_source& source, std::uint32_t events);
  void rewatch(int fd, io_source& source, std::uint32_t events);
  /// Also forgets a pending `flush_later`.
  void unwatch(int fd, io_source& source) noexcept;
  /// `source.on_flush` is called once before the loop waits again. Whatever is queued until then
  /// goes out in one write.
  void flush_later(io_source& source);
  /// Takes `flush_later` back, for a source without a descriptor that is about to end.
  void forget_flush(io_source& source) noexcept;
  /// Closes at the end of the iteration: a number must not come back while its events are in hand.
  void close_later(unique_fd fd) { closing_.push_back(std::move(fd)); }
  /// Drops a reference at the end of the iteration: events in hand may still point at its owner.
  void release_later(caf::strong_actor_ptr actor) { releasing_.push_back(std::move(actor)); }
  /// The same for a source, or what has sources, that is no actor's member. It must not be watched
  /// any more.
  void destroy_later(std::shared_ptr<void> what) { destroying_.push_back(std::move(what)); }

 private:
  [[nodiscard]] bool on_own_thread() const noexcept;
  void adopt_thread() noexcept;
  [[nodiscard]] int prepare_to_sleep(std::chrono::milliseconds max_wait);
  void collect_foreign_jobs();
  void run_jobs();
  void flush_dirty();
  void end_iteration();

  unsigned index_;
  clock_function clock_;
  std::atomic<std::thread::id> thread_;
  std::atomic<bool> stopping_ = false;
  unique_fd epoll_;
  unique_fd wake_;
  steady_clock::time_point now_;
  timer_wheel timers_;
  bytes scratch_;

  std::deque<caf::resumable*> jobs_;
  /// Sources to flush; null where one was unwatched meanwhile.
  std::vector<io_source*> dirty_;
  std::vector<unique_fd> closing_;
  std::vector<caf::strong_actor_ptr> releasing_;
  std::vector<std::shared_ptr<void>> destroying_;

  std::mutex foreign_mutex_;
  std::vector<caf::resumable*> foreign_jobs_;
  std::vector<caf::resumable*> foreign_taken_;
  /// The loop waits, or is about to: whoever adds a foreign job must wake it.
  std::atomic<bool> sleeping_ = false;
};

}  // namespace mtp::net
