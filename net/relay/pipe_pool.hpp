// Empty pipes of one loop, for relays: a relay holds a pipe only while bytes are in it.
#pragma once

#include <optional>
#include <vector>

#include "net/loop/unique_fd.hpp"

namespace mtp::net {

struct pipe_ends {
  unique_fd out;
  unique_fd in;
  /// It holds `pipe_pool::largest_size`.
  bool is_large = false;
};

/// Of its loop's thread.
class pipe_pool {
 public:
  /// Empty pipes that are kept open. Each takes two descriptors and, while it is empty, no pages.
  static constexpr std::size_t most_kept = 16;

  /// Pipes that may be taken at a time. Ends that take nothing keep theirs, and other connections
  /// need descriptors, too.
  static constexpr std::size_t most_taken = 64;

  /// Bytes that a large pipe holds. The kernel's default, 64 KiB, takes 10 to 16% more CPU a byte.
  static constexpr std::size_t largest_size = std::size_t{256} * 1024;
  /// So many are large: all pipes of an unprivileged user may hold 64 MiB.
  static constexpr std::size_t most_large = 4;

  /// A non-blocking pipe without bytes in it. Nothing if the process is out of descriptors, or if
  /// too many are taken.
  [[nodiscard]] std::optional<pipe_ends> take();
  /// It must be empty.
  void give_back(pipe_ends empty);
  /// A pipe that was taken is closed with bytes in it.
  void lose(const pipe_ends& full) noexcept {
    --taken_;
    if (full.is_large) --large_;
  }
  [[nodiscard]] std::size_t kept() const noexcept { return kept_.size(); }

 private:
  /// Large ones at the end.
  std::vector<pipe_ends> kept_;
  std::size_t taken_ = 0;
  /// Large ones, kept or taken.
  std::size_t large_ = 0;
};

}  // namespace mtp::net
