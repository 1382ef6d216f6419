// Reads a socket ahead: one system call for many small reads.
#pragma once

#include <sys/types.h>

#include <memory>

#include "codecs/base/bytes.hpp"

namespace mtp::net {

/// Of one socket, and one thread that is told again if there is still something to read
/// (level-triggered).
class receive_buffer {
 public:
  static constexpr std::size_t capacity = std::size_t{64} * 1024;

  /// As recv(2) from a non-blocking socket, but what it returns may have come earlier. A call that
  /// finds the socket emptied by the one before fails with EAGAIN without asking the kernel.
  [[nodiscard]] ssize_t receive(int fd, byte_span into);

 private:
  /// Whoever says nothing costs nothing: there is none before the first bytes come.
  std::unique_ptr<std::uint8_t[]> memory_;
  /// What has come and was not returned.
  byte_view content_;
  bool is_drained_ = false;
};

}  // namespace mtp::net
