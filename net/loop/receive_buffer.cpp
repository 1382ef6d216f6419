#include "net/loop/receive_buffer.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace mtp::net {

ssize_t receive_buffer::receive(int fd, byte_span into) {
  if (content_.empty()) {
    if (std::exchange(is_drained_, false)) {
      errno = EAGAIN;
      return -1;
    }
    if (memory_ == nullptr) {
      std::uint8_t byte = 0;
      if (const auto found = ::recv(fd, &byte, sizeof byte, MSG_PEEK); found <= 0) return found;
      memory_ = std::make_unique_for_overwrite<std::uint8_t[]>(capacity);
    }
    const auto got = ::recv(fd, memory_.get(), capacity, 0);
    if (got <= 0) return got;
    content_ = {memory_.get(), static_cast<std::size_t>(got)};
    is_drained_ = content_.size() < capacity;
  }
  const auto size = std::min(into.size(), content_.size());
  copy_bytes(into, content_.first(size));
  content_ = content_.subspan(size);
  return static_cast<ssize_t>(size);
}

}  // namespace mtp::net
