// Which programs connect: ClientHellos counted by their JA4, and by what became of them. In memory
// only, and by nothing that tells a person.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mtp::actors {

enum class hello_outcome : std::uint8_t {
  /// A client's.
  answered,
  /// The cover site answers it.
  forwarded,
  /// It was closed.
  refused,
};
inline constexpr std::size_t hello_outcomes = 3;

struct counted_hello {
  std::string ja4;
  std::array<std::uint64_t, hello_outcomes> counts{};
  [[nodiscard]] std::uint64_t total() const noexcept { return counts[0] + counts[1] + counts[2]; }
};

/// Any thread may use it.
class hello_census {
 public:
  /// Fingerprints that are kept. Anybody can make up others: beyond these, a new one takes the
  /// place of the one that was seen least.
  static constexpr std::size_t max_kept = 1024;

  void count(std::string_view ja4, hello_outcome outcome) {
    const std::lock_guard lock{mutex_};
    auto known = counts_.find(std::string{ja4});
    if (known == counts_.end()) {
      if (counts_.size() == max_kept) drop_least();
      known = counts_.emplace(ja4, counts{}).first;
    }
    ++known->second[static_cast<std::size_t>(outcome)];
  }

  /// The `most` that were seen most, in this order.
  [[nodiscard]] std::vector<counted_hello> top(std::size_t most) const {
    std::vector<counted_hello> all;
    {
      const std::lock_guard lock{mutex_};
      all.reserve(counts_.size());
      for (const auto& [ja4, of_it] : counts_)
        all.push_back({.ja4 = ja4, .counts = of_it});
    }
    std::ranges::sort(all, [](const counted_hello& a, const counted_hello& b) {
      return a.total() != b.total() ? a.total() > b.total() : a.ja4 < b.ja4;
    });
    if (all.size() > most) all.resize(most);
    return all;
  }

 private:
  using counts = std::array<std::uint64_t, hello_outcomes>;

  void drop_least() {
    const auto sum = [](const auto& entry) {
      return entry.second[0] + entry.second[1] + entry.second[2];
    };
    counts_.erase(std::ranges::min_element(counts_, {}, sum));
  }

  mutable std::mutex mutex_;
  std::unordered_map<std::string, counts> counts_;
};

}  // namespace mtp::actors
