// OpenSSL's view of a non-blocking socket.
#pragma once

#include <openssl/types.h>

#include <cstdint>
#include <optional>

#include "net/loop/receive_buffer.hpp"

namespace mtp::net {

/// Does two things that libcrypto's own socket BIO does not: writing never raises SIGPIPE, and it
/// remembers what happened to the socket, as OpenSSL's error queue says that only in part. Must
/// outlive the BIO.
struct socket_state {
  int fd = -1;
  /// The errno that ended the connection, or 0.
  int error = 0;
  /// The peer has finished sending.
  bool ended = false;
  /// There was nothing to read at the last try.
  bool is_drained = false;
  /// More is written right after this: it needs not be sent, or wake the peer up, on its own.
  bool more_follows = false;
  /// Set to read ahead. Only for readers that are told again of unread bytes.
  std::optional<receive_buffer> ahead;
  /// The peer's first byte, from which it can be told whether it speaks TLS.
  std::optional<std::uint8_t> first_byte;
};

/// A BIO over `state.fd`, which it does not close. Throws std::bad_alloc.
[[nodiscard]] BIO* make_socket_bio(socket_state& state);

}  // namespace mtp::net
