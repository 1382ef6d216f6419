#include "actors/uplink/middle/silence_watch.hpp"

#include <algorithm>

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

/// Between a late look and the next one, for what waits to be read to come first.
constexpr auto soon = 1ms;

}  // namespace

silence_watch::verdict silence_watch::look(const observation& seen, const limits& within) noexcept {
  const auto left = [&](time_point since) { return since + within.stall - seen.now; };
  const auto expired = [&](const std::optional<time_point>& since) {
    return !seen.paused && since && left(*since).count() <= 0;
  };
  // A slow network: the kernel wants a third of its buffer free before it takes more.
  if (blocked_since_ && seen.taken > blocked_at_) blocked(seen.now, seen.taken);
  if (expired(blocked_since_)) return {.decision = action::replace, .missing = "nothing taken"};
  if (pinged_ && expired(unanswered_since_)) {
    if (waits_in_line(seen.taken))
      unanswered_since_ = seen.now;
    else if (!seen.unread)
      return {.decision = action::replace, .missing = "no answer"};
    else
      // This look comes late: so does the one at the socket.
      return {.next = soon};
  }
  const bool answer_owed = unanswered_since_ || unconfirmed_;
  if (seen.paused || (!answer_owed && !blocked_since_)) {
    if (seen.paused || watching_) {
      watching_ = false;
      return {.next = within.ping_interval};
    }
    // After a quiet time a ping finds out whether anybody is there.
    ping(seen);
    watching_ = true;
    return {.decision = action::ping, .next = first_look(within.stall)};
  }
  verdict result;
  duration least = soon;
  if (!pinged_ && answer_owed) {
    // What came last may have been sent before it could be an answer.
    if (!unanswered_since_) unanswered_since_ = heard_;
    ping(seen);
    result.decision = action::ping;
    // However late this look is, the ping has its time.
    least = first_look(within.stall) / 2;
  }
  auto wait = unanswered_since_ ? left(*unanswered_since_) : first_look(within.stall);
  if (blocked_since_) wait = std::min(wait, left(*blocked_since_));
  result.next = std::clamp(wait, least, first_look(within.stall));
  return result;
}

void silence_watch::resumed(time_point now) noexcept {
  if (unanswered_since_) unanswered_since_ = now;
  if (blocked_since_) blocked_since_ = now;
  heard_ = now;
  pinged_ = false;
  unconfirmed_ = true;
  watching_ = true;
}

/// Whether Telegram still has bytes in front of the ping to take, and has taken some since the last
/// look: a long upload over a slow network.
bool silence_watch::waits_in_line(std::uint64_t taken) noexcept {
  return taken > std::exchange(taken_, taken) && taken < ping_from_;
}

void silence_watch::ping(const observation& seen) noexcept {
  pinged_ = true;
  unconfirmed_ = false;
  ping_from_ = seen.written;
  taken_ = seen.taken;
  if (!unanswered_since_) unanswered_since_ = seen.now;
}

}  // namespace mtp::actors
