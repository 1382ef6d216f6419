#include "net/dial/name_cache.hpp"

#include <algorithm>

namespace mtp::net {

const name_answer* name_cache::find(const std::string& name, time_point now) const {
  const auto found = entries_.find(name);
  return found == entries_.end() || found->second.until <= now ? nullptr : &found->second.answer;
}

void name_cache::put(const std::string& name, name_answer answer, seconds ttl, time_point now) {
  entries_.erase(name);
  if (!answer && answer.error().problem == lookup_problem::failed) return;
  if (capacity_ == 0) return;
  if (entries_.size() >= capacity_) evict();
  const auto kept = answer ? std::clamp(ttl, shortest, longest) : negative;
  entries_.emplace(name, entry{.answer = std::move(answer), .until = now + kept});
}

void name_cache::evict() {
  entries_.erase(
      std::ranges::min_element(entries_, {}, [](const auto& named) { return named.second.until; }));
}

}  // namespace mtp::net
