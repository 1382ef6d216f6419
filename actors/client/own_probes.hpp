// Our own hello that is on its way to a cover site. If it comes back to us, there is a loop: the
// site is this proxy by another address, as behind NAT. It is known by its random, for as long as
// it is under way; there is nothing on the wire by which others could tell it.
#pragma once

#include <algorithm>
#include <array>
#include <mutex>
#include <optional>

#include "codecs/base/bytes.hpp"
#include "codecs/client/proxy_header.hpp"

namespace mtp::actors {

/// Any thread may use it.
class own_probes {
 public:
  /// In a hello, record header included.
  static constexpr std::size_t random_at = 11;
  static constexpr std::size_t random_size = 32;

  /// `hello` is a whole record that is sent next.
  void begin(byte_view hello) {
    probe fresh;
    std::ranges::copy(hello.subspan(random_at, random_size), fresh.random.begin());
    const std::lock_guard lock{mutex_};
    current_ = fresh;
  }
  /// Whether what a connection has sent begins with that hello. Headers of the PROXY protocol may
  /// be in front of it, one from each proxy on its way.
  [[nodiscard]] bool take_back(byte_view seen) {
    const std::lock_guard lock{mutex_};
    if (!current_) return false;
    while (const auto header = proxy_header_of(seen))
      seen = seen.subspan(header);
    if (seen.size() < random_at + random_size) return false;
    if (!std::ranges::equal(seen.subspan(random_at, random_size), current_->random)) return false;
    current_->came_back = true;
    return true;
  }
  /// The answer has come, or there is none. Returns whether the hello has come back.
  [[nodiscard]] bool end() {
    const std::lock_guard lock{mutex_};
    const bool came_back = current_ && current_->came_back;
    current_.reset();
    return came_back;
  }

 private:
  struct probe {
    std::array<std::uint8_t, random_size> random{};
    bool came_back = false;
  };

  /// Its size; 0: there is none.
  static std::size_t proxy_header_of(byte_view seen) {
    const auto header = read_proxy_header(seen);
    return header && *header ? (*header)->consumed : 0;
  }

  std::mutex mutex_;
  std::optional<probe> current_;
};

}  // namespace mtp::actors
