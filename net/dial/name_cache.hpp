// Answers of name servers, kept for as long as they allow. Pure: the time is told to it.
#pragma once

#include <chrono>
#include <string>
#include <unordered_map>

#include "net/dial/name_answer.hpp"

namespace mtp::net {

class name_cache {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using seconds = std::chrono::seconds;

  /// An answer's TTL is taken as at least, and at most, so long. A TTL of 0 means "ask every time";
  /// for a second there is one answer all the same, as many may dial the name at once.
  static constexpr seconds shortest{1};
  static constexpr seconds longest{300};
  /// How long "no such name" and "no address" are kept. Short, as the name may be about to be
  /// created.
  static constexpr seconds negative{5};

  /// Keeps at most `capacity` answers.
  explicit name_cache(std::size_t capacity) noexcept : capacity_{capacity} {}

  /// Null if there is none, or no longer. Good until the next call that changes the cache.
  [[nodiscard]] const name_answer* find(const std::string& name, time_point now) const;
  /// Replaces an earlier answer. Keeps no failure: that says nothing about the name. If the cache
  /// is full, the answer that would go first goes.
  void put(const std::string& name, name_answer answer, seconds ttl, time_point now);
  void forget(const std::string& name) { entries_.erase(name); }
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct entry {
    name_answer answer;
    time_point until;
  };

  void evict();

  std::size_t capacity_;
  std::unordered_map<std::string, entry> entries_;
};

}  // namespace mtp::net
