// Reading a structure off the front of hostile bytes without checking each step.
#pragma once

#include <algorithm>
#include <array>

#include "codecs/base/bytes.hpp"

namespace mtp {

/// Once a field does not fit, it and all later ones come out empty or zero, and `ok` says so.
class field_reader {
 public:
  explicit field_reader(byte_view in) noexcept : in_{in} {}

  byte_view take(std::size_t size) noexcept {
    if (size > in_.size()) {
      fail();
      return {};
    }
    const auto field = in_.first(size);
    in_ = in_.subspan(size);
    return field;
  }

  template <std::integral T>
  T le() noexcept {
    const auto field = take(sizeof(T));
    return field.empty() ? T{} : load_le<T>(field);
  }

  /// A big-endian number of `width` bytes, at most 8.
  std::size_t be(std::size_t width) noexcept {
    std::size_t value = 0;
    for (const auto byte : take(width))
      value = value << 8 | byte;
    return value;
  }

  /// Bytes preceded by their count, big-endian in `width` bytes.
  byte_view be_vector(std::size_t width) noexcept { return take(be(width)); }

  template <std::size_t N>
  std::array<std::uint8_t, N> array() noexcept {
    std::array<std::uint8_t, N> field{};
    std::ranges::copy(take(N), field.begin());
    return field;
  }

  /// Makes `ok` false from outside, for a field with an impossible value.
  void fail() noexcept {
    ok_ = false;
    in_ = {};
  }

  /// Bytes not read yet.
  [[nodiscard]] std::size_t left() const noexcept { return in_.size(); }
  [[nodiscard]] bool ok() const noexcept { return ok_; }
  [[nodiscard]] bool at_end() const noexcept { return in_.empty(); }
  /// Everything fitted and nothing is left.
  [[nodiscard]] bool complete() const noexcept { return ok_ && in_.empty(); }

 private:
  byte_view in_;
  bool ok_ = true;
};

}  // namespace mtp
