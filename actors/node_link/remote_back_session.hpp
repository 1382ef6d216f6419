// A front's link to a back on another machine: TCP and TLS by net/node_link/link_dialer, then CAF's
// middleman.
#pragma once

#include "actors/node_link/back_session.hpp"
#include "net/node_link/link_dialer.hpp"
#include "net/node_link/link_silence.hpp"

namespace mtp::actors {

class remote_back_session final : public back_session, private net::link_dialer_owner {
 public:
  remote_back_session(caf::actor_config& cfg, net::reactor& home, node_link_side& side,
                      std::size_t place);

 private:
  void reach() override;
  void leave() override;
  bool on_message(caf::mailbox_element& x) override;
  void on_due(net::timer& due) override;
  void on_dialed(tl::expected<net::link_transport, std::string> result) override;
  void stopped() override;

  void join(net::link_transport transport);
  [[nodiscard]] std::string why_lost(const caf::error& reason) const override;
  [[nodiscard]] bool is_lost() const override;
  [[nodiscard]] std::string proven_name() const override;

  net::link_dialer dialer_;
  /// The connection that there is, or was last.
  std::shared_ptr<net::link_session> session_;
  net::link_silence silence_;
  net::timer silence_timer_;
  /// Dial as soon as the present connection is gone: CAF would take a second one for a mistake.
  bool reach_when_gone_ = false;
};

}  // namespace mtp::actors
