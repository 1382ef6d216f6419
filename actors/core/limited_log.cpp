#include "actors/core/limited_log.hpp"

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto interval = 1min;
/// What was left out longer ago is not mentioned any more.
constexpr auto memory = 10min;
constexpr std::size_t max_keys = 64;
/// Of all that have none of their own. A peer may make up keys: it chooses its name.
const std::string shared_key;

}  // namespace

std::optional<std::string> limited_log::tell(const std::string& key, const std::string& text,
                                             time_point now) {
  std::erase_if(limiters_, [&](const auto& item) { return now - *item.second.begin() >= memory; });
  const bool has_own = limiters_.contains(key) ||
                       limiters_.size() + (limiters_.contains(shared_key) ? 0 : 1) < max_keys;
  auto& limiter = limiters_.try_emplace(has_own ? key : shared_key, interval, burst_).first->second;
  const auto left_out = limiter.admit(now);
  if (!left_out) return std::nullopt;
  return text + net::describe_left_out(*left_out, !has_own || key != text);
}

}  // namespace mtp::actors
