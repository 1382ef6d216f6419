#include "app/output_writer.hpp"

#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>
#include <utility>

namespace mtp::app {

namespace {

/// Bytes of memory that a text takes, beside its own.
constexpr std::size_t text_overhead = 32;

std::size_t cost_of(const std::string& text) {
  return text.size() + text_overhead;
}

/// As long as it takes. False if it can't be written.
bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto size = ::write(fd, text.data(), text.size());
    if (size >= 0) {
      text.remove_prefix(static_cast<std::size_t>(size));
    } else if (errno == EAGAIN) {
      // Another process that shares it made it non-blocking.
      pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
      static_cast<void>(::poll(&room, 1, -1));
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

}  // namespace

output_writer::output_writer(int fd, std::size_t limit, const char* name, lost_text tell_lost)
    : fd_{fd}, limit_{limit}, tell_lost_{std::move(tell_lost)}, thread_{[this, name] {
        pthread_setname_np(pthread_self(), name);
        run();
      }} {}

output_writer::~output_writer() {
  {
    const std::lock_guard lock{mutex_};
    finishing_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void output_writer::write(std::string text) {
  {
    const std::lock_guard lock{mutex_};
    if (finishing_) return;
    bytes_ += cost_of(text);
    waiting_.push_back(std::move(text));
    while (bytes_ > limit_ && waiting_.size() > 1)
      drop_oldest();
  }
  changed_.notify_one();
}

void output_writer::drop_oldest() {
  bytes_ -= cost_of(waiting_.front());
  waiting_.pop_front();
  ++lost_;
}

bool output_writer::finish(clock::time_point deadline) {
  std::unique_lock lock{mutex_};
  finishing_ = true;
  changed_.notify_one();
  return ended_.wait_until(lock, deadline, [this] { return has_ended_; });
}

void output_writer::run() {
  std::unique_lock lock{mutex_};
  while (true) {
    changed_.wait(lock, [this] { return finishing_ || !waiting_.empty(); });
    if (waiting_.empty()) break;
    const auto lost = std::exchange(lost_, 0);
    auto text = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= cost_of(text);
    lock.unlock();
    if (lost > 0) text.insert(0, tell_lost_(lost));
    const bool written = write_all(fd_, text);
    lock.lock();
    if (!written) lost_ += lost + 1;
  }
  has_ended_ = true;
  ended_.notify_all();
}

}  // namespace mtp::app
