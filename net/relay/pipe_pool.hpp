// Empty pipes of one loop, for relays: a relay holds a pipe only while bytes are in it.
#pragma once

#include <optional>
#include <vector>

#include "net/loop/unique_fd.hpp"

namespace mtp::net {

struct pipe_ends {
  unique_fd out;
  unique_fd in;
};

/// Of its loop's thread.
class pipe_pool {
 public:
  /// Empty pipes that are kept open. Each takes two descriptors and, while it is empty, no pages.
  static constexpr std::size_t most_kept = 16;

  /// A non-blocking pipe without bytes in it. Nothing if the process is out of descriptors.
  [[nodiscard]] std::optional<pipe_ends> take();
  /// It must be empty.
  void give_back(pipe_ends empty);
  [[nodiscard]] std::size_t kept() const noexcept { return kept_.size(); }

 private:
  std::vector<pipe_ends> kept_;
};

}  // namespace mtp::net
