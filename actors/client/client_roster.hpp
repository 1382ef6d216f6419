// Stops the client_conns of its reactor when the proxy stops. They are temporary: a client's
// connection can't be restarted, so there is nothing else to supervise. If this actor is killed,
// its clients stay, and its successor finds them in the same list. It also reports on them.
#pragma once

#include <chrono>
#include <optional>

#include "actors/client/client_side.hpp"
#include "actors/client/client_status.hpp"
#include "net/loop/pinned_actor.hpp"

namespace mtp::actors {

/// Ends every client_conn of a reactor's list. In that reactor's thread.
void end_clients(const client_list& clients);

/// Messages:
/// - `list_clients` (request): a report on the reactor's clients; never fails.
/// - `config_changed`: clients' timers follow; clients of ports that have changed or are gone leave
///   within `drain_timeout_sec`.
/// - exit_msg: ends every client_conn of the reactor, then itself.
class client_roster final : public net::pinned_actor {
 public:
  client_roster(caf::actor_config& cfg, net::reactor& home, client_side& side);

  [[nodiscard]] const char* name() const override { return "client_roster"; }

 private:
  caf::behavior start() override;
  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(net::timer&) override { drain(); }
  void stopped() override { drain_timer_.cancel(); }
  [[nodiscard]] client_overview overview(std::size_t limit);

  void heed_config();
  /// Closes clients whose `drain_timeout_sec` is over, and looks again when that of the next client
  /// is.
  void drain();

  struct time_outs {
    std::chrono::seconds ready;
    std::chrono::seconds hibernate;
    std::chrono::milliseconds send;
    std::chrono::seconds fronting_idle;
    friend bool operator==(const time_outs&, const time_outs&) = default;
  };
  [[nodiscard]] time_outs current_time_outs() const;

  client_side* side_;
  net::timer drain_timer_;
  /// As clients' timers have them.
  std::optional<time_outs> time_outs_;
};

}  // namespace mtp::actors
