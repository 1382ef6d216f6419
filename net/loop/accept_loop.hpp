// Accepts connections of one listening socket on one reactor.
#pragma once

#include <optional>

#include "codecs/base/address.hpp"
#include "net/loop/log_limiter.hpp"
#include "net/loop/pinned_actor.hpp"

namespace mtp::net {

/// Is told by an `accept_loop`; the pinned actor that has it, or a part of that. Each call runs as
/// a handler of the actor, and may call the loop.
class accept_owner {
 public:
  /// Asked before each connection. False: not now. The next one is asked for when the socket is
  /// ready again, which is at once unless the loop was told to rest.
  [[nodiscard]] virtual bool can_accept() { return true; }
  /// `fd` is non-blocking.
  virtual void on_accepted(unique_fd fd, const endpoint& peer) = 0;
  /// Descriptors or memory have run out (an errno). The connection waits, and the socket stays
  /// readable: the loop must be told to rest.
  virtual void on_exhausted(int error) = 0;

 protected:
  ~accept_owner() = default;
};

/// Of its reactor's thread. After `stop` it must stay alive until the end of the loop iteration, as
/// members of a pinned actor do.
class accept_loop final : private io_source, private timer_owner {
 public:
  accept_loop(pinned_actor& actor, accept_owner& owner)
      : actor_{&actor}, owner_{&owner}, resume_timer_{*this} {}

  /// Begins with `listening`: non-blocking, and borrowed until `stop`.
  void start(int listening);
  /// Nothing is accepted any more. Does nothing if it is stopped.
  void stop();

  /// Accepts nothing for `time`; new connections wait in the kernel's backlog.
  void rest(steady_clock::duration time);
  /// Rests for as long as it may take until descriptors or memory are free: 100 ms. If that is
  /// worth a line in the log, once in 10 s: how many pauses had none since the last one.
  [[nodiscard]] std::optional<std::size_t> pause();

 private:
  void on_io(std::uint32_t events) override;
  void on_flush() override {}
  void on_timer(timer& due) override;

  void watch();
  void accept_some();
  /// False if nothing more can be accepted now.
  bool accept_one();

  pinned_actor* actor_;
  accept_owner* owner_;
  int listening_ = -1;
  bool watching_ = false;
  timer resume_timer_;
  log_limiter log_{std::chrono::seconds{10}};
};

}  // namespace mtp::net
