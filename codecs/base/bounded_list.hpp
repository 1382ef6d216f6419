// A list of a few small values, held in place: for facts about a peer that have a bound.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <initializer_list>

namespace mtp {

/// At most `N` values of a trivial type.
template <class T, std::size_t N>
class bounded_list {
 public:
  static constexpr std::size_t capacity = N;

  constexpr bounded_list() = default;
  /// What is too much for the list is left out, here and below.
  constexpr bounded_list(std::initializer_list<T> in) {
    for (const auto& value : in)
      push_back(value);
  }

  /// Whether there was room.
  constexpr bool push_back(T value) noexcept {
    if (size_ == N) return false;
    values_[size_++] = value;
    return true;
  }

  [[nodiscard]] constexpr std::size_t size() const noexcept { return size_; }
  [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] constexpr const T* begin() const noexcept { return values_.data(); }
  [[nodiscard]] constexpr const T* end() const noexcept { return values_.data() + size_; }
  /// Requires a value: `!empty()`.
  [[nodiscard]] constexpr T front() const noexcept { return values_[0]; }
  [[nodiscard]] constexpr bool contains(T value) const noexcept {
    return std::find(begin(), end(), value) != end();
  }

  friend constexpr bool operator==(const bounded_list& a, const bounded_list& b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
  }

 private:
  std::array<T, N> values_{};
  std::size_t size_ = 0;
};

}  // namespace mtp
