// The accepting end of connections between nodes: TCP, and TLS unless the transport is plain, on a
// reactor. Strangers can't hold it up: their connections are bounded in number and time, by where
// they come from, and none in a TLS handshake touches CAF's multiplexer.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "net/loop/pinned_actor.hpp"
#include "net/node_link/link_places.hpp"
#include "net/node_link/link_transport.hpp"

namespace mtp::net {

struct link_acceptor_limits {
  /// For each of three kinds: connections whose ClientHello has not come, connections whose hello
  /// has been answered, and plain connections that have not joined yet. When there are too many, a
  /// new connection takes the place of another of its kind (`link_places::add`): a silent stranger
  /// can't push out a front that waits for our certificate.
  link_place_limits places;
  /// For a handshake, or a plain connection to join, from the connection on.
  std::chrono::milliseconds handshake{5000};
};

/// Why a connection came to nothing.
enum class link_refusal : std::uint8_t {
  /// The handshake was not done in time.
  timed_out,
  /// Its place was needed.
  crowded_out,
  /// The peer left.
  closed,
  not_tls,
  /// Its certificate did not pass: another CA, expired, no certificate...
  certificate,
  /// The name in its certificate is not allowed.
  name,
  /// It refused our certificate.
  refused_us,
  /// Anything else in TLS.
  protocol,
};

/// Receives the events of a `link_acceptor`; implemented by the pinned actor that has it. Each call
/// runs as a handler of that actor, and may also close or destroy the acceptor.
class link_acceptor_owner {
 public:
  /// A node has connected and passed.
  virtual void on_link(link_transport transport) = 0;
  /// Whether a plain connection that was let in has joined: as far as can be known, its peer is a
  /// node. Must not touch the acceptor.
  [[nodiscard]] virtual bool has_joined(const link_session& session) = 0;
  /// A connection that is not a front's (`link_acceptor::forward_strangers`), non-blocking. All
  /// that it has sent can still be read.
  virtual void on_stranger(unique_fd fd, const endpoint& remote) = 0;
  /// A connection came to nothing. It is in the log already.
  virtual void on_refused(link_refusal why) = 0;

 protected:
  ~link_acceptor_owner() = default;
};

/// Of its reactor's thread.
class link_acceptor {
 public:
  /// Accepts on `listening` (non-blocking; borrowed until `close`), for example of a bound_port.
  /// `credentials`: of the accepting side; null for the plain transport, which lets in everybody,
  /// and cuts a connection that has not joined in time or whose place was needed. No name is
  /// allowed until `allow` is called.
  link_acceptor(pinned_actor& actor, link_acceptor_owner& owner, int listening,
                std::shared_ptr<const tls_credentials> credentials,
                const link_acceptor_limits& limits = {});
  link_acceptor(const link_acceptor&) = delete;
  link_acceptor& operator=(const link_acceptor&) = delete;
  link_acceptor(link_acceptor&&) = delete;
  link_acceptor& operator=(link_acceptor&&) = delete;
  ~link_acceptor();

  /// Accepts on another socket instead, likewise borrowed. Handshakes under way go on.
  void move_to(int listening);
  /// Names of nodes that may connect from now on; established connections stay.
  void allow(node_names names);
  /// From now on, with TLS, a connection that does not begin with a ClientHello for this server
  /// name (empty: for none) is a stranger's, and gets no answer: at once, if it sends something
  /// else; after 1.5 s of silence; after the time of a handshake, if its hello is incomplete; or if
  /// its place is needed. Absent: every connection is answered.
  void forward_strangers(std::optional<std::string> sni);
  /// Drops handshakes and accepts no more; plain connections stay, and are on their own then. Does
  /// nothing if it is closed.
  void close();
  /// The number of places in use: handshakes under way, or plain connections that have not joined.
  [[nodiscard]] std::size_t pending() const;

 private:
  class acceptor;

  std::unique_ptr<acceptor> acceptor_;
};

}  // namespace mtp::net
