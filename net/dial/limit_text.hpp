// A limit of time, for operators.
#pragma once

#include <chrono>
#include <string>

namespace mtp::net {

/// "5 s", or "1500 ms" if it is no whole number of seconds.
[[nodiscard]] inline std::string limit_text(std::chrono::milliseconds limit) {
  return limit.count() % 1000 == 0 ? std::to_string(limit.count() / 1000) + " s"
                                   : std::to_string(limit.count()) + " ms";
}

}  // namespace mtp::net
