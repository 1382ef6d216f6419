#include "net/loop/accept_loop.hpp"

#include <sys/epoll.h>

#include "net/loop/accepting.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::net {

namespace {

using namespace std::chrono_literals;

/// Connections accepted before others on this reactor get their turn.
constexpr int accepts_per_turn = 64;
/// A paused loop looks again this often.
constexpr auto pause_time = 100ms;

}  // namespace

void accept_loop::start(int listening) {
  listening_ = listening;
  watch();
}

void accept_loop::stop() {
  if (watching_) actor_->home().unwatch(listening_, *this);
  watching_ = false;
  resume_timer_.cancel();
}

void accept_loop::rest(steady_clock::duration time) {
  stop();
  resume_timer_.arm(actor_->home().timers(), time);
}

std::optional<std::size_t> accept_loop::pause() {
  rest(pause_time);
  return log_.admit(actor_->home().now());
}

void accept_loop::on_io(std::uint32_t) {
  actor_->run_as_handler([this] { accept_some(); });
}

void accept_loop::on_timer(timer&) {
  actor_->run_as_handler([this] {
    watch();
    accept_some();
  });
}

void accept_loop::watch() {
  actor_->home().watch(listening_, *this, EPOLLIN);
  watching_ = true;
}

void accept_loop::accept_some() {
  for (int i = 0; i < accepts_per_turn && watching_ && accept_one(); ++i) {
  }
}

bool accept_loop::accept_one() {
  if (!owner_->can_accept()) return false;
  auto result = accept_from(listening_);
  switch (result.outcome) {
    case accept_result::kind::accepted:
      owner_->on_accepted(std::move(result.fd), to_endpoint(result.address));
      return true;
    case accept_result::kind::none:
      return false;
    case accept_result::kind::again:
      return true;
    case accept_result::kind::exhausted:
      owner_->on_exhausted(result.error);
      return false;
  }
  return false;
}

}  // namespace mtp::net
