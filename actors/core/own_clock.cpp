#include "actors/core/own_clock.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>

namespace mtp::actors {

std::int64_t own_clock::since_start() noexcept {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::int64_t own_clock::agreed() const {
  auto least = others_.begin()->second;
  auto most = least;
  for (const auto& [name, ahead] : others_) {
    least = std::min(least, ahead);
    most = std::max(most, ahead);
  }
  return most - least > tolerated.count() ? 0 : (least + most) / 2;
}

void own_clock::compare(std::chrono::seconds ahead, const std::string& other) {
  const std::lock_guard lock{mutex_};
  if (others_.size() < max_others || others_.contains(other))
    others_[other] = net::unix_time() - ahead.count() - since_start();
  const bool was_own = unix_time() == net::unix_time();
  ahead_of_steady_ = agreed();
  const auto off = net::unix_time() - unix_time();
  if (was_own == (off == 0)) return;
  if (off == 0)
    spdlog::info("the clocks of clients are compared with this machine's again");
  else
    spdlog::warn(
        "the clocks of clients are compared with that of {}: this machine's is {} s ahead of it",
        other, off);
}

std::int64_t own_clock::unix_time() const noexcept {
  const auto ours = net::unix_time();
  const auto ahead = ahead_of_steady_.load(std::memory_order_relaxed);
  if (ahead == 0) return ours;
  const auto right = ahead + since_start();
  return std::abs(right - ours) > tolerated.count() ? right : ours;
}

}  // namespace mtp::actors
