#include "net/relay/relay.hpp"

#include <cerrno>
#include <exception>
#include <utility>

#include "net/loop/socket_options.hpp"

namespace mtp::net {

namespace {

/// At most about so much a turn and way: other connections of the loop want their turn.
constexpr std::size_t most_per_turn = std::size_t{256} * 1024;

}  // namespace

// The loop does not catch: memory, or room in epoll, may run out.
void relay::end::on_io(std::uint32_t events) {
  try {
    parent->on_io(*this, events);
  } catch (const std::exception&) {
    parent->finish(ENOMEM);
  }
}

void relay::end::on_flush() {
  try {
    parent->pump(true, true);
  } catch (const std::exception&) {
    parent->finish(ENOMEM);
  }
}

relay::relay(event_loop& home, pipe_pool& pipes, relay_owner& owner)
    : home_{&home},
      owner_{&owner},
      near_{*this, pipes},
      far_{*this, pipes},
      moved_at_{home.now()} {}

void relay::send_to_far(byte_view data) {
  near_.flow.send_first(data);
  home_->flush_later(near_);
}

void relay::attach_near(unique_fd fd) {
  attach(near_, std::move(fd));
}

void relay::attach_far(unique_fd fd) {
  attach(far_, std::move(fd));
}

void relay::attach(end& at, unique_fd fd) {
  at.fd = std::move(fd);
  home_->watch(at.fd.get(), at, 0);
  at.is_watched = true;
  home_->flush_later(near_);
}

void relay::on_io(end& at, std::uint32_t events) {
  if (!at.fd) return;
  const bool speaks = &at == &far_ && at.wants_read && (events & ~EPOLLOUT) != 0;
  if (speaks && !std::exchange(far_spoke_, true)) owner_->on_far_speaks();
  const bool is_broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  const bool has_bytes = is_broken || (events & EPOLLIN) != 0;
  const bool has_room = is_broken || (events & EPOLLOUT) != 0;
  const bool is_near = &at == &near_;
  pump(is_near ? has_bytes : has_room, is_near ? has_room : has_bytes);
  // Reading would have found the failure, but the other end does not take what came before.
  if (!at.fd || !is_broken || at.wants_read) return;
  if (const int error = take_error(at.fd.get()); error != 0) return finish(error);
  // Both sides of it have finished. The loop would tell of that for ever.
  if (at.interest == 0) unwatch(at);
}

void relay::pump(bool of_near, bool of_far) {
  if (!far_.fd) return;
  int error = 0;
  if (near_.fd) {
    if (of_near) error = pump(near_, far_);
    // What a failed end has sent before belongs to the other end still.
    int of_answer = 0;
    if (of_far || error != 0) of_answer = pump(far_, near_);
    if (!of_near && of_answer != 0) static_cast<void>(pump(near_, far_));
    if (error == 0) error = of_answer;
  } else {
    const auto pushed = near_.flow.push(far_.fd.get());
    near_.taken += pushed.moved;
    far_.wants_read = !far_spoke_;
    far_.wants_write = pushed.now == splice_flow::state::wants_output;
    error = pushed.error;
  }
  if (error != 0 || (near_.flow.has_ended() && far_.flow.has_ended())) return finish(error);
  update(near_);
  update(far_);
}

int relay::pump(end& from, end& to) {
  using state = splice_flow::state;
  const auto progress = from.flow.move(from.fd.get(), to.fd.get(), most_per_turn);
  if (progress.moved > 0) moved_at_.store(home_->now(), std::memory_order_relaxed);
  from.taken += progress.moved;
  // The flow that comes from there must not take it for a FIN.
  if (progress.now == state::sink_failed) to.flow.source_has_failed();
  from.wants_read = progress.now == state::wants_input || progress.now == state::has_more;
  to.wants_write = progress.now == state::wants_output;
  return progress.error;
}

void relay::update(end& at) {
  if (!at.fd) return;
  const auto events = (at.wants_read ? EPOLLIN : 0U) | (at.wants_write ? EPOLLOUT : 0U);
  if (!at.is_watched && events != 0)
    home_->watch(at.fd.get(), at, events);
  else if (at.is_watched && events != at.interest)
    home_->rewatch(at.fd.get(), at, events);
  at.is_watched = at.is_watched || events != 0;
  at.interest = events;
}

void relay::unwatch(end& at) noexcept {
  if (std::exchange(at.is_watched, false)) home_->unwatch(at.fd.get(), at);
}

void relay::finish(int error) {
  close(error != 0);
  owner_->on_relay_over(error);
}

void relay::close(bool reset) {
  home_->forget_flush(near_);
  for (auto* const at : {&near_, &far_}) {
    if (!at->fd) continue;
    if (reset) set_reset_on_close(at->fd.get(), true);
    unwatch(*at);
    home_->close_later(std::move(at->fd));
  }
}

}  // namespace mtp::net
