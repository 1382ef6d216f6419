// Our own hellos to cover sites. One that comes back to us has found a loop: the site is this proxy
// by another address, as behind NAT. There is nothing on the wire by which others could tell it.
#pragma once

#include <algorithm>
#include <array>
#include <mutex>

#include "codecs/base/bytes.hpp"

namespace mtp::actors {

/// Any thread may use it.
class own_probes {
 public:
  /// Those before them are forgotten.
  static constexpr std::size_t remembered = 64;
  /// In a hello, record header included.
  static constexpr std::size_t random_at = 11;
  static constexpr std::size_t random_size = 32;

  /// `hello` is a whole record that is sent next.
  void sent(byte_view hello) {
    probe fresh;
    std::ranges::copy(hello.subspan(random_at, random_size), fresh.random.begin());
    const std::lock_guard lock{mutex_};
    last_[next_++ % last_.size()] = fresh;
  }
  /// Whether what a connection has sent begins with a hello of ours, which has come back then.
  [[nodiscard]] bool take_back(byte_view seen) {
    const std::lock_guard lock{mutex_};
    auto* const known = find(seen);
    if (known == nullptr) return false;
    known->came_back = true;
    return true;
  }
  [[nodiscard]] bool came_back(byte_view hello) {
    const std::lock_guard lock{mutex_};
    const auto* const known = find(hello);
    return known != nullptr && known->came_back;
  }

 private:
  struct probe {
    std::array<std::uint8_t, random_size> random{};
    bool came_back = false;
  };

  probe* find(byte_view hello) {
    if (hello.size() < random_at + random_size) return nullptr;
    const auto random = hello.subspan(random_at, random_size);
    const auto used = last_.begin() + static_cast<std::ptrdiff_t>(std::min(next_, last_.size()));
    const auto known = std::find_if(last_.begin(), used, [&](const probe& sent) {
      return std::ranges::equal(sent.random, random);
    });
    return known != used ? &*known : nullptr;
  }

  std::mutex mutex_;
  std::size_t next_ = 0;
  std::array<probe, remembered> last_;
};

}  // namespace mtp::actors
