#include "bench/load_fleet.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <algorithm>
#include <stdexcept>

namespace mtp::bench {

namespace {

/// Bytes of the echo that shows that a connection works.
constexpr std::size_t first_echo = 64;

epoll_event input_of(void* tag) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = tag;
  return event;
}

}  // namespace

load_fleet::load_fleet(const load_options& options)
    : options_{options},
      report_{options.processes, options.watched},
      epoll_{epoll_create1(EPOLL_CLOEXEC)},
      timer_{timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK)} {
  auto event = input_of(&timer_);
  epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, timer_.get(), &event);
}

void load_fleet::watch_input() {
  auto event = input_of(nullptr);
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0) on_line();
}

void load_fleet::wake_at(load_clock::time_point when) {
  const auto since = std::max(when.time_since_epoch(), load_clock::duration{1});
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(since);
  itimerspec at{};
  at.it_value.tv_sec = whole.count();
  at.it_value.tv_nsec = (since - whole).count();
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &at, nullptr);
}

void load_fleet::run() {
  report_.note_memory_before();
  connect_more();
  auto last_progress = load_clock::now();
  std::uint64_t seen = 0;
  while (!done_) {
    handle_events(1000);
    retired_.clear();
    connect_more();
    const auto now = load_clock::now();
    if (progress_ != seen) {
      seen = progress_;
      last_progress = now;
    } else if (!silent_ && now - last_progress > options_.patience) {
      throw std::runtime_error{"nothing happens any more"};
    }
  }
}

void load_fleet::handle_events(int timeout_ms) {
  std::array<epoll_event, 512> events;
  const int count =
      epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), timeout_ms);
  for (int i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.ptr == nullptr) {
      std::array<char, 256> line;
      static_cast<void>(!::read(STDIN_FILENO, line.data(), line.size()));
      on_line();
    } else if (event.data.ptr == &timer_) {
      std::uint64_t expired = 0;
      static_cast<void>(!::read(timer_.get(), &expired, sizeof expired));
      ++progress_;
      on_wake();
    } else if (auto& client = *static_cast<load_client*>(event.data.ptr); client.is_open()) {
      client.handle(event.events);
    }
  }
}

void load_fleet::connect_more() {
  while (started_ < options_.connections && under_way_ < options_.parallel) {
    const auto id = static_cast<std::uint32_t>(started_++);
    ++under_way_;
    clients_.resize(std::max(clients_.size(), std::size_t{id} + 1));
    clients_[id] = std::make_unique<load_client>(*this, epoll_.get(), options_.target, id);
  }
}

void load_fleet::on_ready(load_client& client) {
  client.ask_echo(first_echo, load_clock::now());
  client.flush();
}

void load_fleet::on_answer(load_client& client, const expected_answer& answer) {
  ++progress_;
  if (static_cast<std::uint32_t>(answer.number) != 0) return on_request_done(client, answer);
  ++established_;
  on_established(client);
  if (client.is_open()) --under_way_;
}

/// An answer's owner must outlive the call that brought it.
void load_fleet::retire(load_client& client) {
  client.close();
  --under_way_;
  retired_.push_back(std::move(clients_[client.id()]));
}

}  // namespace mtp::bench
