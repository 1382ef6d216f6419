// Steps that both ends of a connection between nodes take with its socket.
#pragma once

namespace mtp::net {

/// Sends the end and takes what the peer has sent already: a socket that is closed with unread
/// bytes is reset, and the alert that tells the peer the reason may be lost.
void shut_gently(int fd) noexcept;

}  // namespace mtp::net
