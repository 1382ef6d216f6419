#include "actors/core/own_clock.hpp"

#include <spdlog/spdlog.h>

namespace mtp::actors {

void own_clock::compare(std::chrono::seconds ahead, std::string_view other) {
  if (ahead <= tolerated && ahead >= -tolerated) ahead = std::chrono::seconds{0};
  const std::chrono::seconds before{ahead_.exchange(ahead.count())};
  if (ahead - before <= tolerated && before - ahead <= tolerated) return;
  if (ahead.count() == 0)
    spdlog::info("the clocks of clients are compared with this machine's again");
  else
    spdlog::warn(
        "the clocks of clients are compared with that of {}: this machine's is {} s ahead of it",
        other, ahead.count());
}

}  // namespace mtp::actors
