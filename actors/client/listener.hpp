// Accepts the clients of one port on one reactor and starts their handlers there. Twin of a Ranch
// listener.
#pragma once

#include "actors/client/client_side.hpp"
#include "net/loop/accept_loop.hpp"

namespace mtp::actors {

/// Behavior: no messages. At `max_connections`, or when the process is out of descriptors, a
/// connection that has not shown yet that it is a client goes for one that comes
/// (actors/client/newcomers). If there is none, and when memory is short, accepting pauses; waiting
/// clients stay in the kernel's backlog. Handlers it started outlive it.
class listener final : public net::pinned_actor, private net::accept_owner {
 public:
  listener(caf::actor_config& cfg, net::reactor& home, client_side& side, served_port port);

  [[nodiscard]] const char* name() const override { return "listener"; }

 private:
  caf::behavior start() override;
  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(net::timer&) override {}
  void stopped() override;

  bool can_accept() override;
  void on_accepted(net::unique_fd fd, const endpoint& peer) override;
  void on_exhausted(int error) override;

  [[nodiscard]] const config::client_config& settings() const {
    return side_->core.settings(home()).client;
  }
  /// Whether a newcomer has to go for the next connection.
  [[nodiscard]] bool is_full() const noexcept;
  /// Newcomers of a port have to go for those that wait, and `spare` more; if there are none,
  /// accepting pauses.
  void make_room(open_port& from, std::size_t spare, const char* why);
  void pause(const char* why);
  [[nodiscard]] int fd() noexcept { return served_.sockets->socket(home().index()); }

  client_side* side_;
  served_port served_;
  net::accept_loop loop_;
};

}  // namespace mtp::actors
