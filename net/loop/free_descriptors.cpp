#include "net/loop/free_descriptors.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>

namespace mtp::net {

namespace {

constexpr std::size_t most_looked_at = 32;

/// Whether the `count` highest numbers below `limit` are all free. If fewer than `count`
/// descriptors are, there is one in use among these.
bool is_top_free(rlim_t limit, std::size_t count) noexcept {
  std::array<pollfd, most_looked_at> top{};
  for (std::size_t i = 0; i < count; ++i)
    top[i] = {.fd = static_cast<int>(limit - 1 - i), .events = 0, .revents = 0};
  // A number that is free is an event.
  return ::poll(top.data(), count, 0) == static_cast<int>(count) &&
         std::all_of(top.begin(), top.begin() + static_cast<std::ptrdiff_t>(count),
                     [](const pollfd& at) { return at.revents == POLLNVAL; });
}

}  // namespace

std::size_t free_descriptors(std::size_t most, int open) noexcept {
  most = std::min(most, most_looked_at);
  rlimit limit{};
  constexpr auto highest = rlim_t{1} << 30U;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur > highest) return most;
  most = std::min<std::size_t>(most, limit.rlim_cur);
  if (is_top_free(limit.rlim_cur, most)) return most;
  // One after the other, so that other threads are not short of them for this.
  std::size_t count = 0;
  for (int lowest = 0; count < most; ++count) {
    const int found = ::fcntl(open, F_DUPFD_CLOEXEC, lowest);
    if (found < 0) break;
    ::close(found);
    lowest = found + 1;
  }
  return count;
}

}  // namespace mtp::net
