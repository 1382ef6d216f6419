#include "net/loop/reactor.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <caf/actor_system.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <system_error>

namespace mtp::net {

namespace {

/// Messages an actor may handle before others get their turn.
constexpr std::size_t messages_per_turn = 64;
/// Jobs between two looks at the sockets.
constexpr std::size_t jobs_per_iteration = 4096;
constexpr int rounds_per_iteration = 4;
constexpr std::size_t events_per_wait = 256;

void require(bool ok, const char* what) {
  if (!ok) throw std::system_error{errno, std::generic_category(), what};
}

epoll_event make_event(io_source* source, std::uint32_t events) noexcept {
  epoll_event out{};
  out.events = events;
  out.data.ptr = source;
  return out;
}

}  // namespace

reactor::reactor(caf::actor_system& system, unsigned index, std::size_t scratch,
                 clock_function clock)
    : caf::execution_unit{&system},
      index_{index},
      clock_{clock},
      epoll_{epoll_create1(EPOLL_CLOEXEC)},
      wake_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)},
      now_{clock_()},
      timers_{now_},
      scratch_(scratch) {
  require(static_cast<bool>(epoll_), "epoll_create1");
  require(static_cast<bool>(wake_), "eventfd");
  // A null source marks the wake-up descriptor.
  auto event = make_event(nullptr, EPOLLIN);
  require(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) == 0, "epoll_ctl");
}

reactor::~reactor() {
  collect_foreign_jobs();
  for (auto* job : jobs_)
    intrusive_ptr_release(job);
}

bool reactor::on_own_thread() const noexcept {
  return thread_.load(std::memory_order_relaxed) == std::this_thread::get_id();
}

void reactor::adopt_thread() noexcept {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
}

void reactor::run() {
  while (!stopping_.load(std::memory_order_acquire))
    run_once(std::chrono::hours{1});
}

void reactor::stop() {
  stopping_.store(true, std::memory_order_release);
  const std::uint64_t one = 1;
  static_cast<void>(!::write(wake_.get(), &one, sizeof one));
}

void reactor::exec_later(caf::resumable* job) {
  if (job->subtype() != caf::resumable::io_actor) {
    system().scheduler().enqueue(job);
    return;
  }
  if (on_own_thread()) {
    jobs_.push_back(job);
    return;
  }
  {
    const std::lock_guard lock{foreign_mutex_};
    foreign_jobs_.push_back(job);
  }
  if (sleeping_.exchange(false)) {
    const std::uint64_t one = 1;
    static_cast<void>(!::write(wake_.get(), &one, sizeof one));
  }
}

int reactor::prepare_to_sleep(std::chrono::milliseconds max_wait) {
  if (!jobs_.empty() || !dirty_.empty()) return 0;
  const auto idle = timers_.idle_time(clock_());
  if (idle) max_wait = std::min(max_wait, std::chrono::ceil<std::chrono::milliseconds>(*idle));
  if (max_wait.count() <= 0) return 0;
  sleeping_.store(true);
  const std::lock_guard lock{foreign_mutex_};
  return foreign_jobs_.empty() ? static_cast<int>(max_wait.count()) : 0;
}

void reactor::run_once(std::chrono::milliseconds max_wait) {
  adopt_thread();
  const int wait = prepare_to_sleep(max_wait);
  std::array<epoll_event, events_per_wait> events;
  const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait);
  sleeping_.store(false);
  require(count >= 0 || errno == EINTR, "epoll_wait");
  now_ = clock_();
  timers_.advance(now_);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    auto* const source = static_cast<io_source*>(event.data.ptr);
    if (source != nullptr) {
      source->on_io(event.events);
    } else {
      std::uint64_t ignored = 0;
      static_cast<void>(!::read(wake_.get(), &ignored, sizeof ignored));
    }
  }
  collect_foreign_jobs();
  // Writing makes jobs (acks to whoever sent the data): done at once, they cost no look at the
  // sockets.
  for (int round = 0; round < rounds_per_iteration && !(jobs_.empty() && dirty_.empty()); ++round) {
    run_jobs();
    flush_dirty();
  }
  end_iteration();
}

void reactor::collect_foreign_jobs() {
  {
    const std::lock_guard lock{foreign_mutex_};
    foreign_taken_.swap(foreign_jobs_);
  }
  jobs_.insert(jobs_.end(), foreign_taken_.begin(), foreign_taken_.end());
  foreign_taken_.clear();
}

void reactor::run_jobs() {
  for (std::size_t done = 0; done < jobs_per_iteration && !jobs_.empty(); ++done) {
    auto* const job = jobs_.front();
    jobs_.pop_front();
    if (job->resume(this, messages_per_turn) == caf::resumable::resume_later)
      jobs_.push_back(job);
    else
      intrusive_ptr_release(job);
  }
}

void reactor::flush_dirty() {
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

void reactor::forget_flush(io_source& source) noexcept {
  if (source.dirty_at_ == io_source::not_dirty) return;
  dirty_[source.dirty_at_] = nullptr;
  source.dirty_at_ = io_source::not_dirty;
}

void reactor::end_iteration() {
  closing_.clear();
  // What ends here runs code of ours that may put something else here.
  while (!releasing_.empty() || !destroying_.empty()) {
    const auto dropped = std::exchange(releasing_, {});
    const auto destroyed = std::exchange(destroying_, {});
  }
}

void reactor::watch(int fd, io_source& source, std::uint32_t events) {
  auto event = make_event(&source, events);
  require(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl add");
}

void reactor::rewatch(int fd, io_source& source, std::uint32_t events) {
  auto event = make_event(&source, events);
  require(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0, "epoll_ctl modify");
}

void reactor::unwatch(int fd, io_source& source) noexcept {
  // It may not be watched at all; the descriptor is about to be closed anyway.
  static_cast<void>(epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr));
  forget_flush(source);
}

void reactor::flush_later(io_source& source) {
  if (source.dirty_at_ != io_source::not_dirty) return;
  source.dirty_at_ = dirty_.size();
  dirty_.push_back(&source);
}

}  // namespace mtp::net
