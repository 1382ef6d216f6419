#include "net/loop/tcp_stream.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "net/loop/socket_options.hpp"

namespace mtp::net {

namespace {

constexpr std::size_t chunks_per_write = 256;

}  // namespace

void tcp_stream::start() {
  actor_->home().watch(fd(), *this, EPOLLIN);
  want_read_ = true;
  interest_ = EPOLLIN;
}

void tcp_stream::on_io(std::uint32_t events) {
  actor_->run_as_handler([&] {
    if (!is_open()) return;
    const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
    if (broken && !want_read_) {
      owner_->on_broken(*this, take_error(fd()));
      return;
    }
    if (!want_read_) update_interest();
    if (want_read_ && (broken || (events & EPOLLIN) != 0)) owner_->on_readable(*this);
    if (is_open() && (events & EPOLLOUT) != 0) write_some();
  });
}

byte_stream::read_result tcp_stream::read(byte_span into) {
  const auto size = ::recv(fd(), into.data(), into.size(), 0);
  if (size > 0) return {.size = static_cast<std::size_t>(size), .ended = false};
  const bool nothing_yet = size < 0 && (errno == EAGAIN || errno == EINTR);
  return {.size = 0, .ended = !nothing_yet, .error = size < 0 && !nothing_yet ? errno : 0};
}

bool tcp_stream::has_unread() const {
  return net::has_unread(fd());
}

void tcp_stream::want_read(bool on) {
  if (want_read_ == on || !is_open()) return;
  want_read_ = on;
  // Most pauses are over before anything comes: epoll hears of one when something does.
  if (on) update_interest();
}

void tcp_stream::flush_later() {
  if (is_open()) actor_->home().flush_later(*this);
}

void tcp_stream::on_flush() {
  actor_->run_as_handler([&] {
    if (!is_open()) return;
    owner_->on_flush(*this);
    // Bytes wait for EPOLLOUT already if the kernel's buffer is full.
    if (is_open() && !want_write_) write_some();
  });
}

void tcp_stream::write_some() {
  int error = 0;
  const auto written = write_queue(error);
  want_write_ = queued_ > 0 && error == 0;
  update_interest();
  if (written > 0 || want_write_) owner_->on_sent(*this, written);
  if (error != 0 && is_open()) owner_->on_broken(*this, error);
}

void tcp_stream::write_now() {
  int error = 0;
  if (is_open()) static_cast<void>(write_queue(error));
}

std::size_t tcp_stream::write_queue(int& error) {
  std::size_t total = 0;
  while (queued_ > 0) {
    std::array<iovec, chunks_per_write> parts;
    msghdr message{};
    message.msg_iov = parts.data();
    std::size_t offered = 0;
    for (auto i = first_; i < queue_.size() && message.msg_iovlen < parts.size(); ++i) {
      const auto skip = i == first_ ? sent_of_first_ : 0;
      const auto rest = queue_[i].view.subspan(skip);
      // sendmsg does not write through its pointers.
      parts[message.msg_iovlen++] = {const_cast<std::uint8_t*>(rest.data()), rest.size()};
      offered += rest.size();
    }
    const auto size = ::sendmsg(fd(), &message, MSG_NOSIGNAL);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) error = errno;
      break;
    }
    drop_sent(static_cast<std::size_t>(size));
    total += static_cast<std::size_t>(size);
    if (static_cast<std::size_t>(size) < offered) break;
  }
  return total;
}

void tcp_stream::drop_sent(std::size_t size) {
  queued_ -= size;
  sent_of_first_ += size;
  while (first_ < queue_.size() && sent_of_first_ >= queue_[first_].view.size()) {
    sent_of_first_ -= queue_[first_].view.size();
    queue_[first_++].memory = {};
  }
  if (queued_ == 0) {
    std::vector<chunk>{}.swap(queue_);
    first_ = 0;
  } else if (first_ > chunks_per_write && first_ > queue_.size() / 2) {
    queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
  }
}

void tcp_stream::update_interest() {
  const auto events = (want_read_ ? EPOLLIN : 0U) | (want_write_ ? EPOLLOUT : 0U);
  if (events == interest_) return;
  interest_ = events;
  actor_->home().rewatch(fd(), *this, events);
}

void tcp_stream::reset_on_close(bool on) {
  set_reset_on_close(fd(), on);
}

unique_fd tcp_stream::release() {
  actor_->home().forget_flush(*this);
  actor_->home().unwatch(fd(), *this);
  want_read_ = want_write_ = false;
  return std::move(fd_);
}

void tcp_stream::close() {
  if (!is_open()) return;
  // Closing takes it out of epoll, in this iteration still.
  actor_->home().forget_flush(*this);
  actor_->home().close_later(std::move(fd_));
  want_read_ = want_write_ = false;
  std::vector<chunk>{}.swap(queue_);
  first_ = sent_of_first_ = queued_ = 0;
}

}  // namespace mtp::net
