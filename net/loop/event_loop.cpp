#include "net/loop/event_loop.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace mtp::net {

namespace {

void require(bool ok, const char* call) {
  if (!ok) throw std::system_error{errno, std::generic_category(), call};
}

epoll_event make_event(io_source* source, std::uint32_t events) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = source;
  return event;
}

}  // namespace

event_loop::event_loop(clock_function clock)
    : clock_{clock}, epoll_{epoll_create1(EPOLL_CLOEXEC)}, now_{clock_()}, timers_{now_} {
  require(static_cast<bool>(epoll_), "epoll_create1");
}

std::chrono::milliseconds event_loop::idle_time(std::chrono::milliseconds max_wait) const {
  using std::chrono::milliseconds;
  if (!dirty_.empty()) return milliseconds{0};
  if (const auto idle = timers_.idle_time(clock_()))
    max_wait = std::min(max_wait, std::chrono::ceil<milliseconds>(*idle));
  return std::max(max_wait, milliseconds{0});
}

void event_loop::wait(std::chrono::milliseconds max_wait) {
  const int count = epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                               static_cast<int>(max_wait.count()));
  require(count >= 0 || errno == EINTR, "epoll_wait");
  event_count_ = static_cast<std::size_t>(std::max(count, 0));
}

void event_loop::dispatch() {
  now_ = clock_();
  timers_.advance(now_);
  for (std::size_t i = 0; i < event_count_; ++i)
    static_cast<io_source*>(events_[i].data.ptr)->on_io(events_[i].events);
}

void event_loop::flush_dirty() {
  const auto count = static_cast<std::ptrdiff_t>(dirty_.size());
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    auto* const source = std::exchange(dirty_[static_cast<std::size_t>(i)], nullptr);
    if (source == nullptr) continue;
    source->dirty_at_ = io_source::not_dirty;
    source->on_flush();
  }
  // What a flush made dirty gets its turn in the next round.
  dirty_.erase(dirty_.begin(), dirty_.begin() + count);
  for (std::size_t i = 0; i < dirty_.size(); ++i)
    if (dirty_[i] != nullptr) dirty_[i]->dirty_at_ = i;
}

void event_loop::forget_flush(io_source& source) noexcept {
  if (source.dirty_at_ == io_source::not_dirty) return;
  dirty_[source.dirty_at_] = nullptr;
  source.dirty_at_ = io_source::not_dirty;
}

bool event_loop::end_iteration() {
  closing_.clear();
  if (destroying_.empty()) return false;
  // What ends here runs code of ours that may put something else here.
  const auto destroyed = std::exchange(destroying_, {});
  return true;
}

void event_loop::watch(int fd, io_source& source, std::uint32_t events) {
  auto event = make_event(&source, events);
  require(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl add");
}

void event_loop::rewatch(int fd, io_source& source, std::uint32_t events) {
  auto event = make_event(&source, events);
  require(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0, "epoll_ctl modify");
}

void event_loop::unwatch(int fd, io_source& source) noexcept {
  // It may not be watched at all; the descriptor is about to be closed anyway.
  static_cast<void>(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr));
  forget_flush(source);
}

void event_loop::flush_later(io_source& source) {
  if (source.dirty_at_ != io_source::not_dirty) return;
  source.dirty_at_ = dirty_.size();
  dirty_.push_back(&source);
}

}  // namespace mtp::net
