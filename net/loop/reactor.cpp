#include "net/loop/reactor.hpp"

#include <sys/eventfd.h>

#include <caf/actor_system.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <cerrno>
#include <system_error>

namespace mtp::net {

namespace {

/// Messages an actor may handle before others get their turn.
constexpr std::size_t messages_per_turn = 64;
/// Jobs between two looks at the sockets.
constexpr std::size_t jobs_per_iteration = 4096;
constexpr int rounds_per_iteration = 4;

/// A function as a job of a reactor.
class posted_task final : public caf::resumable {
 public:
  explicit posted_task(std::function<void()> task) : task_{std::move(task)} {}

  [[nodiscard]] subtype_t subtype() const override { return io_actor; }
  resume_result resume(caf::execution_unit*, std::size_t) override {
    task_();
    return done;
  }
  void intrusive_ptr_add_ref_impl() override { ++references_; }
  void intrusive_ptr_release_impl() override {
    if (--references_ == 0) delete this;
  }

 private:
  std::function<void()> task_;
  std::atomic<std::size_t> references_ = 1;
};

}  // namespace

void reactor::wake_up::on_io(std::uint32_t) {
  std::uint64_t ignored = 0;
  static_cast<void>(!::read(fd.get(), &ignored, sizeof ignored));
}

reactor::reactor(caf::actor_system& system, unsigned index, std::size_t scratch,
                 clock_function clock)
    : caf::execution_unit{&system}, event_loop{clock}, index_{index}, scratch_(scratch) {
  wake_.fd = unique_fd{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  if (!wake_.fd) throw std::system_error{errno, std::generic_category(), "eventfd"};
  watch(wake_.fd.get(), wake_, EPOLLIN);
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
  const std::uint64_t increment = 1;
  static_cast<void>(!::write(wake_.fd.get(), &increment, sizeof increment));
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
    const std::uint64_t increment = 1;
    static_cast<void>(!::write(wake_.fd.get(), &increment, sizeof increment));
  }
}

void reactor::post(std::function<void()> task) {
  exec_later(new posted_task{std::move(task)});
}

std::chrono::milliseconds reactor::prepare_to_sleep(std::chrono::milliseconds max_wait) {
  constexpr std::chrono::milliseconds none{0};
  if (!jobs_.empty()) return none;
  const auto idle = idle_time(max_wait);
  if (idle == none) return none;
  sleeping_.store(true);
  const std::lock_guard lock{foreign_mutex_};
  return foreign_jobs_.empty() ? idle : none;
}

void reactor::run_once(std::chrono::milliseconds max_wait) {
  adopt_thread();
  wait(prepare_to_sleep(max_wait));
  sleeping_.store(false);
  dispatch();
  collect_foreign_jobs();
  // Writing makes jobs (acks to the sender of the data): done at once, they cost no look at the
  // sockets.
  for (int round = 0; round < rounds_per_iteration && (!jobs_.empty() || has_flushes()); ++round) {
    run_jobs();
    flush_dirty();
  }
  while (end_iteration() || !releasing_.empty())
    const auto dropped = std::exchange(releasing_, {});
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

}  // namespace mtp::net
