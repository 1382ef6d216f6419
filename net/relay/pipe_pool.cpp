#include "net/relay/pipe_pool.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace mtp::net {

std::optional<pipe_ends> pipe_pool::take() {
  if (taken_ == most_taken) return std::nullopt;
  if (!kept_.empty()) {
    ++taken_;
    auto pipe = std::move(kept_.back());
    kept_.pop_back();
    return pipe;
  }
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_NONBLOCK | O_CLOEXEC) != 0) return std::nullopt;
  pipe_ends pipe{.out = unique_fd{fds[0]}, .in = unique_fd{fds[1]}};
  // If the user has too many pages of pipes already, it stays as it is.
  pipe.is_large =
      large_<most_large&& ::fcntl(pipe.in.get(), F_SETPIPE_SZ, static_cast<int>(largest_size))> 0;
  if (pipe.is_large) ++large_;
  ++taken_;
  return pipe;
}

void pipe_pool::give_back(pipe_ends empty) {
  --taken_;
  if (kept_.size() < most_kept) {
    kept_.insert(empty.is_large ? kept_.end() : kept_.begin(), std::move(empty));
  } else if (empty.is_large) {
    // There are more places than large ones: the first is none.
    kept_.erase(kept_.begin());
    kept_.push_back(std::move(empty));
  }
}

}  // namespace mtp::net
