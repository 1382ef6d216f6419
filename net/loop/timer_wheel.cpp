#include "net/loop/timer_wheel.hpp"

#include <algorithm>
#include <bit>

namespace mtp::net {

namespace {

void unlink(detail::timer_hook& hook) noexcept {
  hook.prev->next = hook.next;
  hook.next->prev = hook.prev;
  hook.prev = hook.next = &hook;
}

void link_before(detail::timer_hook& ring, detail::timer_hook& hook) noexcept {
  hook.prev = ring.prev;
  hook.next = &ring;
  ring.prev->next = &hook;
  ring.prev = &hook;
}

bool is_empty(const detail::timer_hook& ring) noexcept {
  return ring.next == &ring;
}

}  // namespace

void timer::arm(timer_wheel& wheel, steady_clock::duration delay) {
  cancel();
  const auto ticks =
      (std::max(delay, steady_clock::duration{1}) + timer_wheel::tick - steady_clock::duration{1}) /
      timer_wheel::tick;
  wheel_ = &wheel;
  deadline_ = wheel.present_ + static_cast<std::uint64_t>(ticks);
  wheel.insert(*this);
}

void timer::cancel() noexcept {
  if (wheel_ == nullptr) return;
  wheel_->remove(*this);
  wheel_ = nullptr;
}

timer_wheel::~timer_wheel() {
  for (auto& level : rings_)
    for (auto& ring : level)
      while (!is_empty(ring))
        static_cast<timer*>(ring.next)->cancel();
}

std::uint64_t timer_wheel::tick_of(steady_clock::time_point at) const noexcept {
  return at <= start_ ? 0 : static_cast<std::uint64_t>((at - start_) / tick);
}

void timer_wheel::insert(timer& added) noexcept {
  const auto delta = added.deadline_ - present_;
  unsigned level = 0;
  while (level + 1 < levels && delta >> (slot_bits * (level + 1)) != 0)
    ++level;
  // Beyond the last wheel's reach a timer waits a round there and is put in again.
  const auto reach = std::uint64_t{1} << (slot_bits * levels);
  const auto at = present_ + std::min(delta, reach - 1);
  const auto slot = static_cast<unsigned>(at >> (slot_bits * level)) % slots;
  added.place_ = static_cast<std::uint16_t>(level * slots + slot);
  link_before(rings_[level][slot], added);
  occupied_[level] |= std::uint64_t{1} << slot;
}

void timer_wheel::remove(timer& removed) noexcept {
  unlink(removed);
  if (removed.place_ == due) return;
  const auto level = removed.place_ / slots;
  const auto slot = removed.place_ % slots;
  if (is_empty(rings_[level][slot])) occupied_[level] &= ~(std::uint64_t{1} << slot);
}

void timer_wheel::take_slot(unsigned level, unsigned slot) noexcept {
  auto& ring = rings_[level][slot];
  while (!is_empty(ring)) {
    auto& expired = *static_cast<timer*>(ring.next);
    unlink(expired);
    expired.place_ = due;
    link_before(due_, expired);
  }
  occupied_[level] &= ~(std::uint64_t{1} << slot);
}

void timer_wheel::advance(steady_clock::time_point now) {
  const auto target = tick_of(now);
  if (target <= present_) return;
  for (unsigned level = 0; level < levels; ++level) {
    const auto from = present_ >> (slot_bits * level);
    const auto to = target >> (slot_bits * level);
    if (from == to) break;
    const auto steps = std::min<std::uint64_t>(to - from, slots);
    for (std::uint64_t step = 1; step <= steps && occupied_[level] != 0; ++step)
      take_slot(level, static_cast<unsigned>((from + step) % slots));
  }
  present_ = target;
  while (!is_empty(due_)) {
    auto& expired = *static_cast<timer*>(due_.next);
    unlink(expired);
    if (expired.deadline_ > present_) {
      insert(expired);
    } else {
      expired.wheel_ = nullptr;
      expired.owner_->on_timer(expired);
    }
  }
}

std::optional<steady_clock::duration> timer_wheel::idle_time(steady_clock::time_point now) const {
  std::optional<std::uint64_t> next;
  for (unsigned level = 0; level < levels; ++level) {
    if (occupied_[level] == 0) continue;
    const auto position = present_ >> (slot_bits * level);
    // Slots after the present one, in order, as bits from 0 on.
    const auto ahead = std::rotr(occupied_[level], static_cast<int>((position + 1) % slots));
    const auto steps = static_cast<std::uint64_t>(std::countr_zero(ahead)) + 1;
    const auto at = (position + steps) << (slot_bits * level);
    next = std::min(next.value_or(at), at);
  }
  if (!next) return std::nullopt;
  const steady_clock::duration left = start_ + static_cast<std::int64_t>(*next) * tick - now;
  return std::max(left, steady_clock::duration{0});
}

}  // namespace mtp::net
