#include "net/receive_buffer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace mtp::net {

ssize_t receive_buffer::receive(int fd, byte_span into) noexcept {
  if (content_.empty()) {
    if (std::exchange(is_drained_, false)) {
      errno = EAGAIN;
      return -1;
    }
    const auto got = ::recv(fd, memory_.data(), memory_.size(), 0);
    if (got <= 0) return got;
    content_ = byte_view{memory_}.first(static_cast<std::size_t>(got));
    is_drained_ = content_.size() < memory_.size();
  }
  const auto size = std::min(into.size(), content_.size());
  copy_bytes(into, content_.first(size));
  content_ = content_.subspan(size);
  return static_cast<ssize_t>(size);
}

}  // namespace mtp::net
