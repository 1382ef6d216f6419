// A connection to another node that has passed all checks, on its way to CAF.
#pragma once

#include <memory>

#include "net/loop/unique_fd.hpp"
#include "net/node_link/link_session.hpp"
#include "net/tls/tls_channel.hpp"

namespace mtp::net {

/// Owns the socket, and TLS if there is any. Dropping it closes the connection, and the session
/// says so.
class link_transport {
 public:
  /// `channel` is null for plain TCP; else its handshake is done and it uses `fd`.
  link_transport(unique_fd fd, std::unique_ptr<tls_channel> channel, const endpoint& remote);
  link_transport(link_transport&&) noexcept = default;
  link_transport& operator=(link_transport&&) = delete;
  link_transport(const link_transport&) = delete;
  link_transport& operator=(const link_transport&) = delete;
  ~link_transport();

  [[nodiscard]] const std::shared_ptr<link_session>& session() const noexcept { return session_; }

  struct parts {
    unique_fd fd;
    std::unique_ptr<tls_channel> channel;
    std::shared_ptr<link_session> session;
  };
  /// Hands over all of it. The new owner calls `session->finish()` before it closes the socket.
  [[nodiscard]] parts take() && noexcept;

 private:
  // The channel uses the socket: it goes first.
  unique_fd fd_;
  std::unique_ptr<tls_channel> channel_;
  std::shared_ptr<link_session> session_;
};

}  // namespace mtp::net
