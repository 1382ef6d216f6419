#include "actors/core/limited_log.hpp"

#include <fmt/format.h>

#include <utility>

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
  std::erase_if(records_, [&](const auto& item) { return now - item.second.begin >= memory; });
  const bool has_own = records_.contains(key) ||
                       records_.size() + (records_.contains(shared_key) ? 0 : 1) < max_keys;
  auto& known =
      records_.try_emplace(has_own ? key : shared_key, record{.begin = now}).first->second;
  if (now - known.begin >= interval) known = {.begin = now, .left_out = known.left_out};
  if (known.lines == burst_) {
    ++known.left_out;
    return std::nullopt;
  }
  ++known.lines;
  const auto count = std::exchange(known.left_out, 0);
  if (count == 0) return text;
  return fmt::format("{} ({} more since the last line{})", text, count,
                     has_own && key == text ? "" : ", others among them");
}

}  // namespace mtp::actors
