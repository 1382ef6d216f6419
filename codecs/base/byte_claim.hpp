// Counts bytes in an account for as long as an object lives: a packet in a mailbox is counted until
// it is taken, or thrown away with the mailbox.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace mtp {

class byte_claim {
 public:
  using account = std::atomic<std::int64_t>;

  /// Claims nothing.
  byte_claim() = default;
  /// Claims `size` bytes of `from`, which must live longer.
  byte_claim(account& from, std::size_t size) noexcept
      : from_{&from}, size_{static_cast<std::int64_t>(size)} {
    from_->fetch_add(size_, std::memory_order_relaxed);
  }
  byte_claim(byte_claim&& other) noexcept
      : from_{std::exchange(other.from_, nullptr)}, size_{other.size_} {}
  byte_claim& operator=(byte_claim&& other) noexcept {
    byte_claim{std::move(other)}.swap(*this);
    return *this;
  }
  /// A copy claims as much again.
  byte_claim(const byte_claim& other) noexcept : from_{other.from_}, size_{other.size_} {
    if (from_ != nullptr) from_->fetch_add(size_, std::memory_order_relaxed);
  }
  byte_claim& operator=(const byte_claim& other) noexcept {
    byte_claim{other}.swap(*this);
    return *this;
  }
  ~byte_claim() {
    if (from_ != nullptr) from_->fetch_sub(size_, std::memory_order_relaxed);
  }

  /// Always equal: a claim is not part of the value that it is attached to.
  friend bool operator==(const byte_claim&, const byte_claim&) noexcept { return true; }

 private:
  void swap(byte_claim& other) noexcept {
    std::swap(from_, other.from_);
    std::swap(size_, other.size_);
  }

  account* from_ = nullptr;
  std::int64_t size_ = 0;
};

}  // namespace mtp
