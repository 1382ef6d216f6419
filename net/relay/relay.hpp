// Carries bytes between two sockets, both ways, until both have finished or one has failed. Neither
// end can tell it from the other end: half-closes and resets are passed on.
#pragma once

#include <atomic>

#include "net/loop/event_loop.hpp"
#include "net/relay/splice_flow.hpp"

namespace mtp::net {

/// Is told by its relay, from the loop and never from within a call to it.
class relay_owner {
 public:
  /// The far end's first byte, or its end, has come; the relay has passed nothing on yet. The near
  /// end may be given to the relay now.
  virtual void on_far_speaks() = 0;
  /// The relay has ended and has closed both sockets, if it had both. `error`: an errno if one end
  /// has failed, else 0. The relay may be destroyed by `event_loop::destroy_later`.
  virtual void on_relay_over(int error) = 0;

 protected:
  ~relay_owner() = default;
};

/// Of its loop's thread. It must be in place until the end of the iteration in which it was closed:
/// `event_loop::destroy_later`. SIGPIPE must be ignored: splice(2) can't be told to.
class relay final {
 public:
  relay(event_loop& home, pipe_pool& pipes, relay_owner& owner);
  relay(const relay&) = delete;
  relay& operator=(const relay&) = delete;
  relay(relay&&) = delete;
  relay& operator=(relay&&) = delete;
  ~relay() { close(); }

  /// Bytes of the near end, from before it was given to the relay, or instead.
  void send_to_far(byte_view data);
  /// The near end, which may come before the far end or after it. Throws `std::system_error` if the
  /// loop can't watch it.
  void attach_near(unique_fd fd);
  void attach_far(unique_fd fd);
  /// Closes what it has, by a RST if `reset`. The owner is not told.
  void close(bool reset = false);

  /// When bytes last went through. Any thread may read it.
  [[nodiscard]] const std::atomic<steady_clock::time_point>& moved_at() const noexcept {
    return moved_at_;
  }
  /// Bytes that have gone through.
  [[nodiscard]] std::uint64_t to_far() const noexcept { return near_.taken; }
  [[nodiscard]] std::uint64_t to_near() const noexcept { return far_.taken; }
  /// Bytes of memory for what waits.
  [[nodiscard]] std::size_t held() const noexcept { return near_.flow.held() + far_.flow.held(); }

 private:
  /// An end, and the flow of its bytes to the other end.
  struct end final : io_source {
    end(relay& in, pipe_pool& pipes) : parent{&in}, flow{pipes} {}
    void on_io(std::uint32_t events) override;
    void on_flush() override;

    relay* parent;
    unique_fd fd;
    splice_flow flow;
    /// Bytes of it that the other end has taken.
    std::uint64_t taken = 0;
    bool wants_read = false;
    bool wants_write = false;
    bool is_watched = false;
    /// What the loop was last told.
    std::uint32_t interest = 0;
  };

  void on_io(end& at, std::uint32_t events);
  void attach(end& at, unique_fd fd);
  /// Moves what may have something to move: bytes of the near end, of the far end, or both.
  void pump(bool of_near, bool of_far);
  /// Moves bytes one way. Returns the errno of a failure, or 0.
  [[nodiscard]] int pump(end& from, end& to);
  /// Tells the loop what `at` waits for.
  void update(end& at);
  void unwatch(end& at) noexcept;
  void finish(int error);

  event_loop* home_;
  relay_owner* owner_;
  end near_;
  end far_;
  bool far_spoke_ = false;
  std::atomic<steady_clock::time_point> moved_at_;
};

}  // namespace mtp::net
