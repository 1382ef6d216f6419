// Checks what a connection brings, byte by byte, as it arrives: nothing is kept.
#pragma once

#include <array>
#include <chrono>
#include <deque>

#include "codecs/base/bytes.hpp"

namespace mtp::bench {

using load_clock = std::chrono::steady_clock;

/// An answer that is to come: tag and body of packet `number`, `size` bytes in all.
struct expected_answer {
  std::uint64_t number = 0;
  std::size_t size = 0;
  /// When it was asked for, or should have been.
  load_clock::time_point asked;
};

/// Reads padded frames of a deciphered stream, and compares them with what is expected.
class answer_reader {
 public:
  /// Takes the next bytes up to the end of an answer; returns how many. Throws std::runtime_error
  /// if a byte is wrong or nothing is expected.
  std::size_t feed(byte_view in, const expected_answer* next);
  /// Whether what `feed` took last ended an answer.
  [[nodiscard]] bool complete() const noexcept { return complete_; }

 private:
  void compare(byte_view in, const expected_answer& next);

  std::array<std::uint8_t, 4> head_{};
  std::size_t head_size_ = 0;
  std::size_t frame_size_ = 0;
  /// Bytes of the frame behind its length that were read.
  std::size_t at_ = 0;
  bool complete_ = false;
};

}  // namespace mtp::bench
