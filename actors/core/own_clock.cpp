#include "actors/core/own_clock.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>

namespace mtp::actors {

std::int64_t own_clock::ahead_of_steady(std::int64_t unix) noexcept {
  const auto steady = std::chrono::steady_clock::now().time_since_epoch();
  return unix - std::chrono::duration_cast<std::chrono::seconds>(steady).count();
}

std::int64_t own_clock::judge() const {
  auto least = others_.begin()->second;
  auto most = least;
  for (const auto& [name, time] : others_) {
    least = std::min(least, time);
    most = std::max(most, time);
  }
  const auto ahead = ahead_of_steady(net::unix_time()) - (least + most) / 2;
  const bool agreed = most - least <= tolerated.count();
  return agreed && std::abs(ahead) > tolerated.count() ? ahead : 0;
}

void own_clock::compare(std::chrono::seconds ahead, const std::string& other) {
  const std::lock_guard lock{mutex_};
  if (others_.size() < max_others || others_.contains(other))
    others_[other] = ahead_of_steady(net::unix_time() - ahead.count());
  const bool was_wrong = ahead_ != 0;
  ahead_ = judge();
  found_at_ = ahead_of_steady(net::unix_time());
  if (was_wrong == (ahead_ != 0)) return;
  if (was_wrong)
    spdlog::info("the clocks of clients are compared with this machine's again");
  else
    spdlog::warn(
        "the clocks of clients are compared with that of {}: this machine's is {} s ahead of it",
        other, ahead_);
}

std::int64_t own_clock::unix_time() const {
  const auto ours = net::unix_time();
  const std::lock_guard lock{mutex_};
  // It is not the clock that was found wrong.
  const bool was_set = std::abs(ahead_of_steady(ours) - found_at_) > tolerated.count();
  return was_set ? ours : ours - ahead_;
}

}  // namespace mtp::actors
