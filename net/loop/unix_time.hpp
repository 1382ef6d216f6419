// The wall clock, for operators and protocols; everything else uses steady clocks.
#pragma once

#include <chrono>
#include <cstdint>

namespace mtp::net {

/// Seconds since the epoch.
[[nodiscard]] inline std::int64_t unix_time() noexcept {
  return std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
}

}  // namespace mtp::net
