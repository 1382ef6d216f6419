// Accepts the clients of one port on one reactor and starts a client_conn for each there. Twin of a
// Ranch listener.
#pragma once

#include "actors/client/client_side.hpp"
#include "net/loop/accept_loop.hpp"

namespace mtp::actors {

/// Behavior: no messages. At `max_connections`, or when the process has 8 descriptors left, a new
/// connection evicts one that has not shown yet that it is a client (actors/client/newcomers). If
/// there is none to evict, and when memory is short, accepting pauses; waiting clients stay in the
/// kernel's backlog. The 8 descriptors are for others: connections to Telegram, metrics, the
/// console. If these use them up, newcomers are evicted for that, too, when the next client comes.
/// The client_conns that it started outlive it.
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
  void on_accepted(net::unique_fd fd, const endpoint& address) override;
  void on_exhausted(int error) override;

  [[nodiscard]] const config::client_config& settings() const {
    return side_->core.settings(home()).client;
  }
  /// Whether the next connection needs the place of a newcomer.
  [[nodiscard]] bool is_full() const noexcept;
  /// Evicts as many newcomers of `from` as connections wait in the backlog, and `spare` more.
  /// Without newcomers accepting pauses.
  void make_room(open_port& from, std::size_t spare, const std::string& why);
  void make_descriptors(std::size_t spare, int error);
  void pause(const std::string& why);
  [[nodiscard]] int fd() noexcept { return served_.sockets->socket(home().index()); }

  client_side* side_;
  served_port served_;
  net::accept_loop loop_;
};

}  // namespace mtp::actors
