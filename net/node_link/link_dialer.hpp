// The dialing end of connections between nodes, on a reactor: finds the peer's address, connects,
// and is sure that the peer has accepted us before it says so.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>

#include "net/dial/dialing.hpp"
#include "net/loop/pinned_actor.hpp"
#include "net/node_link/link_transport.hpp"

namespace mtp::net {

struct link_dialer_limits {
  /// For TCP, an address.
  std::chrono::milliseconds connect{5000};
  /// For TLS and the peer's first byte, an address.
  std::chrono::milliseconds handshake{5000};
};

/// Whom to dial.
struct link_target {
  /// A name or an address.
  std::string host;
  std::uint16_t port = 0;
  /// The name that the peer's certificate must have. Not used by the plain transport.
  std::string name;
  /// The server name that its hello asks for, for observers; empty: none.
  std::string sni = {};
  /// Where connections come from, by the family of the peer's address, if not anywhere.
  std::optional<ip_address> bind_v4 = {};
  std::optional<ip_address> bind_v6 = {};
};

/// Is told by a `link_dialer`; the pinned actor that has it. Each call runs as a handler of it,
/// which may also dial again or destroy the dialer.
class link_dialer_owner {
 public:
  /// Once a `dial`. An error is for the operator and tells each address that was tried with what
  /// came of it: no such host, refused, no answer (TCP, TLS or BASP), no TLS, the peer's
  /// certificate and what is wrong with it, our certificate and why the peer refuses it.
  virtual void on_dialed(tl::expected<link_transport, std::string> result) = 0;

 protected:
  ~link_dialer_owner() = default;
};

/// One connection at a time. Of its reactor's thread; may be destroyed at any moment.
class link_dialer {
 public:
  /// `names` is of the actor's reactor.
  link_dialer(pinned_actor& actor, resolver& names, link_dialer_owner& owner,
              const link_dialer_limits& limits = {});
  link_dialer(const link_dialer&) = delete;
  link_dialer& operator=(const link_dialer&) = delete;
  link_dialer(link_dialer&&) = delete;
  link_dialer& operator=(link_dialer&&) = delete;
  ~link_dialer();

  /// Dials the host (net/dial/dialing); an address where TLS or BASP fails is followed by those
  /// that are left. Forgets an earlier dial. With TLS the peer has accepted our certificate when it
  /// succeeds, and has sent its first byte either way: BASP's accepting end speaks first.
  /// `context`: of the dialing side; null for the plain transport. The result comes later, never
  /// from within this call.
  void dial(link_target target, std::shared_ptr<const tls_context> context);
  /// Nothing will be told any more. Does nothing if nothing is under way.
  void cancel();
  [[nodiscard]] bool busy() const noexcept { return dial_ != nullptr; }

 private:
  class dial_state;

  pinned_actor* actor_;
  resolver* names_;
  link_dialer_owner* owner_;
  link_dialer_limits limits_;
  std::unique_ptr<dial_state> dial_;
};

}  // namespace mtp::net
