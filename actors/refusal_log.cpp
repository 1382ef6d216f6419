#include "actors/refusal_log.hpp"

#include <fmt/format.h>

#include <utility>

namespace mtp::actors {

namespace {

using namespace std::chrono_literals;

constexpr auto line_interval = 1min;
/// What did not come for so long is new when it comes again.
constexpr auto memory = 10min;
constexpr std::size_t max_texts = 64;

}  // namespace

std::optional<std::string> refusal_log::tell(const std::string& text, time_point now) {
  std::erase_if(records_, [&](const auto& one) { return now - one.second.told >= memory; });
  const bool is_known = records_.contains(text);
  // A peer may make up texts: it chooses its name and the name of its build.
  const auto key = is_known || records_.size() < max_texts ? text : std::string{};
  const auto [at, is_new] = records_.try_emplace(key, record{.told = now});
  auto& known = at->second;
  if (is_new) return text;
  ++known.unsaid;
  if (now - known.told < line_interval) return std::nullopt;
  const auto count = std::exchange(known.unsaid, 0);
  known.told = now;
  return fmt::format("{} ({} since the last line, {})", text, count,
                     key.empty() ? "others among them" : "all the same");
}

}  // namespace mtp::actors
