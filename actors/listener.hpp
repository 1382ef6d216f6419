// Accepts the clients of one port on one reactor and starts their handlers there. Twin of a Ranch
// listener.
#pragma once

#include "actors/environment.hpp"
#include "net/pinned_actor.hpp"

namespace mtp::actors {

/// Behavior: no messages. Accepting pauses at `max_connections`, when memory is short and when the
/// process is out of descriptors; waiting clients stay in the kernel's backlog. Handlers it started
/// outlive it.
class listener final : public net::pinned_actor, private net::io_source {
 public:
  listener(caf::actor_config& cfg, net::reactor& home, environment& env, open_port& port);

  [[nodiscard]] const char* name() const override { return "listener"; }

 private:
  caf::behavior start() override;
  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(net::timer&) override;
  void stopped() override;

  void on_io(std::uint32_t events) override;
  void on_flush() override {}

  void accept_some();
  /// False if nothing more can be accepted now.
  bool accept_one();
  void pause(const char* why);
  [[nodiscard]] int fd() noexcept { return port_->sockets.socket(home().index()); }

  environment* env_;
  open_port* port_;
  bool watching_ = false;
  net::timer resume_timer_;
  net::steady_clock::time_point quiet_until_;
};

}  // namespace mtp::actors
