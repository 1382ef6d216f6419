// Steps that both ends of a connection between nodes take with its socket.
#pragma once

#include <chrono>

namespace mtp::net {

/// No delay, keep-alive, and a limit for what stays unacknowledged.
void prepare_link_socket(int fd, std::chrono::milliseconds user_timeout) noexcept;

/// Sends the end and takes what the peer has sent already: a socket that is closed with unread
/// bytes is reset, and the alert that tells the peer the reason may be lost.
void shut_gently(int fd) noexcept;

}  // namespace mtp::net
