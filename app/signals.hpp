// What the main thread of a running proxy waits for: signals, and the end of the supervision tree.
#pragma once

#include <chrono>
#include <cstdint>

#include "net/loop/unique_fd.hpp"

namespace mtp::app {

/// From now on no signal that a script may send by mistake ends the process. Signals that
/// `process_events` handles wait for it; other signals that would end the process are ignored. Left
/// alone are SIGTSTP and its like, SIGXCPU, and signals of a bug. Threads that are started later
/// inherit it.
void hold_signals();

/// After `hold_signals`.
class process_events {
 public:
  enum class kind : std::uint8_t {
    stop,           // SIGTERM, SIGINT
    refresh,        // SIGHUP, SIGUSR2
    reopen_log,     // SIGUSR1
    nothing_to_do,  // SIGQUIT, SIGALRM
    tree_ended,
    timeout,
  };

  process_events();

  /// Any thread.
  void tell_tree_ended() const;
  [[nodiscard]] kind wait(std::chrono::milliseconds limit) const;

 private:
  net::unique_fd signals_;
  net::unique_fd tree_ended_;
};

}  // namespace mtp::app
