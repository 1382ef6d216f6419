// One thread's sockets and timers: what net/dial needs of a reactor, and all that a program without
// actors needs.
#pragma once

#include <sys/epoll.h>

#include <array>
#include <memory>
#include <vector>

#include "net/loop/timer_wheel.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::net {

/// Something with a descriptor that a loop watches. While watched, it must stay alive and in
/// place; after `unwatch`, until the end of the loop iteration (see `event_loop::destroy_later`).
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
  friend class event_loop;
  static constexpr std::size_t not_dirty = SIZE_MAX;
  /// Place in the loop's list of sources to flush.
  std::size_t dirty_at_ = not_dirty;
};

/// For one thread only. The derived class runs the iterations: waits, dispatches, flushes and ends
/// each.
class event_loop {
 public:
  using clock_function = steady_clock::time_point (*)();
  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;
  event_loop(event_loop&&) = delete;
  event_loop& operator=(event_loop&&) = delete;

  /// The time at the start of this iteration: good enough for timeouts, and free.
  [[nodiscard]] steady_clock::time_point now() const noexcept { return now_; }
  [[nodiscard]] timer_wheel& timers() noexcept { return timers_; }

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
  /// Destroys at the end of the iteration a source, or what has sources: events in hand may still
  /// point at it. It must not be watched any more.
  void destroy_later(std::shared_ptr<void> object) { destroying_.push_back(std::move(object)); }

 protected:
  explicit event_loop(clock_function clock);
  ~event_loop() = default;

  /// How long to wait: not at all if a flush is due, at most until the next timer.
  [[nodiscard]] std::chrono::milliseconds idle_time(std::chrono::milliseconds max_wait) const;
  /// Waits for events.
  void wait(std::chrono::milliseconds max_wait);
  /// Fires the timers that are due, and handles the events that `wait` found.
  void dispatch();
  [[nodiscard]] bool has_flushes() const noexcept { return !dirty_.empty(); }
  void flush_dirty();
  /// Closes and destroys the objects whose end was put off; false if there were none.
  bool end_iteration();

 private:
  static constexpr std::size_t events_per_wait = 256;

  clock_function clock_;
  unique_fd epoll_;
  steady_clock::time_point now_;
  timer_wheel timers_;
  /// What `wait` found.
  std::array<epoll_event, events_per_wait> events_;
  std::size_t event_count_ = 0;
  /// Sources to flush; null where one was unwatched meanwhile.
  std::vector<io_source*> dirty_;
  std::vector<unique_fd> closing_;
  std::vector<std::shared_ptr<void>> destroying_;
};

}  // namespace mtp::net
