// How long the TLS records of a fake-TLS connection are. Web servers begin with records that fit a
// segment, so that the first bytes can be used at once, and go over to full ones; a connection
// whose records are long from the start stands out. doc/adr/0020-record-sizing.md.
#pragma once

#include <cstdint>

#include "codecs/client/tls_records.hpp"

namespace mtp {

enum class record_sizing : std::uint8_t {
  /// As long as a real server's may be.
  off,
  /// About 1400 bytes for 40 records, 4096 for 20, then 16,384; each less 0 to 99.
  ramp,
};

/// Of one direction of a connection.
class record_sizes {
 public:
  static constexpr std::uint8_t short_records = 40;
  static constexpr std::uint8_t middle_records = 20;
  static constexpr std::uint16_t short_size = 1400;
  static constexpr std::uint16_t middle_size = 4096;
  static constexpr std::uint16_t long_size = 16384;
  static constexpr std::uint16_t spread = 100;

  /// None is shorter, but for what is sent last.
  static constexpr std::uint16_t least = short_size - spread + 1;

  record_sizes() = default;
  /// Always the same: at least `least`.
  explicit record_sizes(std::uint16_t most) noexcept : most_{most} {}
  /// `seed` is random.
  record_sizes(record_sizing how, std::uint16_t seed) noexcept
      : seed_{seed}, left_{how == record_sizing::ramp ? all : none} {}

  /// The most bytes that the next record carries.
  [[nodiscard]] std::uint16_t next() noexcept {
    if (left_ == none) return most_;
    const auto size = left_ > middle_records + 1 ? short_size : left_ > 1 ? middle_size : long_size;
    if (left_ > 1) --left_;
    // A linear congruential generator of 16 bits: sizes need no more, and every client has one.
    seed_ = static_cast<std::uint16_t>(seed_ * 25173U + 13849U);
    return static_cast<std::uint16_t>(size - (seed_ >> 8U) % spread);
  }
  /// Nothing was sent for a while: it begins anew.
  void restart() noexcept {
    if (left_ != none) left_ = all;
  }

 private:
  static constexpr std::uint8_t none = 0;
  /// Long records last for ever: the last one is never counted.
  static constexpr std::uint8_t all = short_records + middle_records + 1;

  std::uint16_t seed_ = 0;
  std::uint16_t most_ = max_tls_record_payload;
  std::uint8_t left_ = none;
};

}  // namespace mtp
