// Accepts fronts from other machines on a back: lets in those with the right certificate and hands
// them to CAF, which shows them the gateway.
#pragma once

#include <spdlog/common.h>

#include "actors/core/limited_log.hpp"
#include "actors/node_link/link_strangers.hpp"
#include "actors/node_link/node_link_side.hpp"
#include "net/node_link/link_acceptor.hpp"
#include "net/node_link/link_silence.hpp"

namespace mtp::actors {

/// Message (request): replies with a std::vector<link_connection>.
struct get_link_connections {};
struct link_connection {
  /// As its certificate says; empty without TLS.
  std::string name;
  endpoint remote;
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
};

/// Message (request): replies with the name (std::string) in the certificate of the node that CAF
/// knows by that id; empty if there is no connection to it, or no TLS.
struct get_proven_name {
  caf::node_id node;
};

/// Messages: `config_changed` (fronts whose name is not among `allowed_nodes` any more are cut
/// off, and it waits where `node_link.listen` says now), `get_link_connections`, `get_proven_name`.
/// It cuts connections that say nothing for `node_link.timeout_sec`, and ends none by ending
/// itself. The log says by name why a connection with a certificate has ended (`limited_log`).
class link_listener final : public net::pinned_actor, private net::link_acceptor_owner {
 public:
  link_listener(caf::actor_config& cfg, net::reactor& home, node_link_side& side);
  [[nodiscard]] const char* name() const override { return "link_listener"; }

 private:
  [[nodiscard]] const config::link_config& settings() const {
    return side_->core.settings(home()).link;
  }
  caf::behavior start() override;
  bool on_message(caf::mailbox_element&) override { return false; }
  void on_due(net::timer&) override;
  void stopped() override;
  void on_link(net::link_transport transport) override;
  bool has_joined(const net::link_session& session) override;
  void on_stranger(net::unique_fd fd, const endpoint& remote) override;
  void on_refused(net::link_refusal why) override;

  void heed_config();
  void accept();
  /// What the acceptor goes by.
  void instruct();
  void watch(const std::shared_ptr<net::link_session>& session);
  void tell(spdlog::level::level_enum level, const std::string& name, const std::string& event);
  void forget_ended();
  [[nodiscard]] std::vector<link_connection> connections();
  caf::result<std::string> find_name(const caf::node_id& node);
  /// Of the connection from there; empty if there is none.
  [[nodiscard]] std::string name_at(const std::string& address, std::uint16_t port) const;

  node_link_side* side_;
  /// Used by the acceptor.
  std::shared_ptr<net::bound_port> port_;
  std::optional<net::link_acceptor> acceptor_;
  std::optional<link_strangers> strangers_;
  net::link_silence silence_;
  net::timer silence_timer_;
  /// By the name in the certificate.
  limited_log events_{10};
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::get_link_connections)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::get_proven_name)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(std::vector<mtp::actors::link_connection>)
