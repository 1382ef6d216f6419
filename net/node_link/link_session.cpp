#include "net/node_link/link_session.hpp"

#include <sys/socket.h>

namespace mtp::net {

void link_session::cut(std::string why) {
  const std::lock_guard lock{mutex_};
  if (fd_ < 0) return;
  if (why_.empty()) why_ = std::move(why);
  failed_.store(true, relaxed);
  // Wakes up the threads that wait for the socket: it can be read and written, and both fail.
  ::shutdown(fd_, SHUT_RDWR);
}

std::optional<std::string> link_session::ended() const {
  const std::lock_guard lock{mutex_};
  if (fd_ >= 0) return std::nullopt;
  return why_;
}

std::string link_session::trouble() const {
  const std::lock_guard lock{mutex_};
  return why_;
}

int link_session::descriptor() const {
  const std::lock_guard lock{mutex_};
  return fd_;
}

void link_session::on_end(end_callback callback) {
  {
    const std::lock_guard lock{mutex_};
    if (fd_ >= 0) {
      callback_ = std::move(callback);
      return;
    }
  }
  if (callback) callback(why_);
}

void link_session::finish() {
  end_callback callback;
  {
    const std::lock_guard lock{mutex_};
    if (fd_ < 0) return;
    fd_ = -1;
    if (why_.empty()) why_ = closed_by_caf;
    callback = std::move(callback_);
  }
  if (callback) callback(why_);
}

}  // namespace mtp::net
