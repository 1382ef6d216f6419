// Reads and writes the bytes of a link between nodes, in TLS or plain.
#pragma once

#include "net/node_link/link_transport.hpp"

namespace mtp::net {

/// For one thread. The socket belongs to the owner of the descriptor, and must outlive this.
class link_io {
 public:
  /// How much a call moved; it failed if `good` is false, and the session knows why.
  struct moved {
    std::size_t size = 0;
    bool good = true;
  };

  link_io(int fd, std::unique_ptr<tls_channel> channel, std::shared_ptr<link_session> session);

  [[nodiscard]] link_session& session() const noexcept { return *session_; }

  /// A size of 0 means that nothing more has come: only then will the socket tell when to go on.
  [[nodiscard]] moved read(byte_span into);
  /// Writes until the kernel takes no more, 256 KiB at most. After an incomplete call the next must
  /// begin with the bytes that are left.
  [[nodiscard]] moved write(byte_view data);

 private:
  [[nodiscard]] tls_channel::moved receive(byte_span into);
  [[nodiscard]] tls_channel::moved transmit(byte_view data);
  [[nodiscard]] tls_progress judge(tls_progress otherwise);
  [[nodiscard]] moved fail();

  int fd_;
  std::unique_ptr<tls_channel> channel_;
  std::shared_ptr<link_session> session_;
  /// For plain TCP; TLS has its own.
  receive_buffer ahead_;
  std::string plain_problem_ = "it closed the connection";
};

}  // namespace mtp::net
