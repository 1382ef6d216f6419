// Watches for silence of a middle proxy: decides when to ping it, and when its connection has
// stalled. Pure: times and positions are passed in.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

namespace mtp::actors {

/// Of one connection that is ready. It has one timer, which its owner keeps: the watch says when it
/// is due, and is asked to `look` then.
class silence_watch {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  struct limits {
    /// The connection has stalled if data are neither answered nor taken within this time. At least
    /// 10 ms.
    duration stall;
    /// Without traffic, a ping this often.
    duration ping_interval;
  };

  /// The connection at the time of a look. Positions are bytes of the outgoing stream.
  struct observation {
    time_point now;
    /// The connection is not read, so silence is not Telegram's fault.
    bool paused = false;
    /// Bytes from Telegram wait to be read.
    bool unread = false;
    /// Where a ping would start.
    std::uint64_t written = 0;
    /// How much Telegram's kernel has taken.
    std::uint64_t taken = 0;
  };

  enum class action : std::uint8_t { wait, ping, replace };
  struct verdict {
    action decision = action::wait;
    /// How long until the next look.
    duration next{0};
    /// For `replace`: the name of the sign of life that is missing. A literal.
    std::string_view missing = {};
  };

  /// When the first look is due after traffic.
  [[nodiscard]] static constexpr duration first_look(duration stall) noexcept { return stall / 2; }

  /// Something that is not a ping was sent. True if the next look is to be in `first_look`.
  [[nodiscard]] bool sent(time_point now) noexcept {
    unconfirmed_ = true;
    if (!unanswered_since_) unanswered_since_ = now;
    return !std::exchange(watching_, true);
  }
  /// Something was received.
  void heard(time_point now) noexcept {
    heard_ = now;
    unanswered_since_.reset();
    pinged_ = false;
  }
  /// The kernel takes no more for now; `taken` as in `observation`.
  void blocked(time_point now, std::uint64_t taken) noexcept {
    blocked_since_ = now;
    blocked_at_ = taken;
  }
  void unblocked() noexcept { blocked_since_.reset(); }
  [[nodiscard]] bool is_blocked() const noexcept { return blocked_since_.has_value(); }
  /// A pause has ended: Telegram could neither answer nor, perhaps, go on reading. It has all its
  /// time again. The next look is to be in `first_look`.
  void resumed(time_point now) noexcept;

  /// Decides what to do now. At `ping` the caller sends a ping, which the watch counts as sent;
  /// `next` is counted from then.
  [[nodiscard]] verdict look(const observation& seen, const limits& within) noexcept;

  /// An answer is owed; else the next look is for the ping of an idle connection.
  [[nodiscard]] bool is_watching() const noexcept { return watching_; }
  /// Since when data have been sent without anything received after them.
  [[nodiscard]] std::optional<time_point> unanswered_since() const noexcept {
    return unanswered_since_;
  }

 private:
  [[nodiscard]] bool waits_in_line(std::uint64_t taken) noexcept;
  void ping(const observation& seen) noexcept;

  std::optional<time_point> unanswered_since_;
  time_point heard_;
  /// Since when Telegram has taken nothing of the data that wait for it, and how much it had taken.
  std::optional<time_point> blocked_since_;
  std::uint64_t blocked_at_ = 0;
  /// Where in the outgoing stream the latest ping starts; how much had been taken at the latest
  /// look at that.
  std::uint64_t ping_from_ = 0;
  std::uint64_t taken_ = 0;
  /// Data were sent since the last ping: bytes received since need not be an answer to them.
  bool unconfirmed_ = false;
  /// A ping was sent since anything was received.
  bool pinged_ = false;
  /// Looks for an answer; else it waits for the time of an idle ping.
  bool watching_ = false;
};

}  // namespace mtp::actors
