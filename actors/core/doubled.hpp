// How long to wait after failures.
#pragma once

#include <algorithm>

namespace mtp::actors {

/// The wait after a failure: `first`, doubled for each of the `earlier` failures in a row, at most
/// `longest`. Jitter is the caller's.
template <class Duration>
[[nodiscard]] constexpr Duration doubled(Duration first, unsigned earlier,
                                         Duration longest) noexcept {
  auto delay = first;
  for (; earlier > 0 && delay < longest; --earlier)
    delay *= 2;
  return std::min(delay, longest);
}

}  // namespace mtp::actors
