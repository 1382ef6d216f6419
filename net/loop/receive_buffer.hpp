// Reads a socket ahead: one system call for many small reads.
#pragma once

#include <sys/types.h>

#include <memory>

#include "codecs/base/bytes.hpp"

namespace mtp::net {

/// For one socket and one thread. The thread must be told again while there is still something to
/// read (level-triggered).
class receive_buffer {
 public:
  static constexpr std::size_t capacity = std::size_t{64} * 1024;

  /// As recv(2) from a non-blocking socket, but the bytes may have been read earlier. A call that
  /// finds the socket emptied by the call before fails with EAGAIN without asking the kernel.
  [[nodiscard]] ssize_t receive(int fd, byte_span into);

 private:
  /// A silent peer costs nothing: allocated when the first bytes come.
  std::unique_ptr<std::uint8_t[]> memory_;
  /// Bytes that have come and were not returned yet.
  byte_view content_;
  bool is_drained_ = false;
};

}  // namespace mtp::net
