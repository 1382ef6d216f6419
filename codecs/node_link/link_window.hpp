// How many bytes one end of a node link may have on their way: enough to keep a fast link busy, and
// so few that on a slow link later frames do not wait long behind them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

namespace mtp {

/// Starts at `first_size`; the time that bytes take to be confirmed makes it larger or smaller.
/// Whatever that time is on an empty link counts as distance and is no reason to shrink.
class link_window {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::steady_clock::duration;

  static constexpr std::size_t smallest = std::size_t{32} * 1024;
  static constexpr std::size_t first_size = std::size_t{64} * 1024;
  static constexpr std::size_t largest = std::size_t{8} * 1024 * 1024;
  /// Waiting in the link for less than this, it grows; for more than that, it shrinks.
  static constexpr std::chrono::milliseconds short_queue{200};
  static constexpr std::chrono::milliseconds long_queue{800};

  /// Bytes that may still be sent.
  [[nodiscard]] std::size_t room() const noexcept {
    const auto on_its_way = in_flight();
    return on_its_way < size_ ? size_ - on_its_way : 0;
  }
  [[nodiscard]] std::size_t in_flight() const noexcept {
    return static_cast<std::size_t>(sent_ - taken_);
  }
  /// Since the beginning.
  [[nodiscard]] std::uint64_t sent_in_all() const noexcept { return sent_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// The size of a blob: small on a slow link, as the peer reads only whole blobs.
  [[nodiscard]] std::size_t blob_size() const noexcept {
    constexpr std::size_t most = std::size_t{64} * 1024;
    return std::clamp(size_ / 4, smallest / 2, most);
  }

  void sent(std::size_t size, time_point now) {
    if (size == 0) return;
    sent_ += size;
    marks_.push_back({.until = sent_, .at = now});
    if (room() == 0) was_full_ = true;
  }

  /// The peer has taken `total` bytes by now. False if it was never sent so many, or took them
  /// back.
  [[nodiscard]] bool taken(std::uint64_t total, time_point now) {
    if (total > sent_ || total < taken_) return false;
    const auto fresh = static_cast<std::size_t>(total - taken_);
    taken_ = total;
    if (fresh == 0) return true;
    std::optional<duration> delay;
    for (; !marks_.empty() && marks_.front().until <= total; marks_.pop_front())
      delay = now - marks_.front().at;
    if (delay) adapt(fresh, *delay);
    return true;
  }

 private:
  struct mark {
    std::uint64_t until = 0;
    time_point at;
  };

  void adapt(std::size_t fresh, duration delay) noexcept {
    distance_ = std::min(distance_, delay);
    const auto queued = delay - distance_;
    if (queued > long_queue) {
      // Bytes that are on their way already say nothing about the new size.
      if (taken_ < shrunk_until_) return;
      size_ = std::max(size_ / 2, smallest);
      shrunk_until_ = sent_;
      was_full_ = false;
    } else if (queued < short_queue && was_full_) {
      size_ = std::min(size_ + fresh, most());
      was_full_ = room() == 0;
    }
  }

  /// A near link is kept busy by few bytes on their way, and few bytes stay in the processor's
  /// caches.
  [[nodiscard]] std::size_t most() const noexcept {
    constexpr std::size_t near = std::size_t{1024} * 1024;
    constexpr double rate = 100e6;  // bytes a second, far away
    const auto needed = rate * std::chrono::duration<double>{distance_}.count();
    return needed < static_cast<double>(largest) ? std::max(static_cast<std::size_t>(needed), near)
                                                 : largest;
  }

  std::uint64_t sent_ = 0;
  std::uint64_t taken_ = 0;
  std::size_t size_ = first_size;
  /// When the bytes up to some point were sent; one mark per blob.
  std::deque<mark> marks_;
  duration distance_ = duration::max();
  bool was_full_ = false;
  std::uint64_t shrunk_until_ = 0;
};

}  // namespace mtp
