// The connections of a port that have not shown yet that they are clients. When there is no place
// for another one, this table says which of them has to go: whoever opens connections and says
// nothing must not keep clients out.
#pragma once

#include <array>
#include <atomic>
#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>

#include "codecs/address.hpp"

namespace mtp::actors {

/// Message to a client_handler: its place is needed. It closes, unless its handshake is done.
struct crowded_out {};

/// Of a port's `max_connections` places newcomers get three quarters: the rest is for clients.
[[nodiscard]] constexpr std::size_t newcomer_places(std::size_t max_connections) noexcept {
  return max_connections - max_connections / 4;
}

/// Any thread may use it. Everything takes logarithmic time.
class newcomers {
 public:
  /// Names a connection; those accepted later have higher ones. Never 0.
  using ticket = std::uint64_t;

  using time_point = std::chrono::steady_clock::time_point;

  /// An official client opens about this many connections at once: nobody with that few goes before
  /// somebody with more.
  static constexpr std::size_t harmless = 8;
  /// Who has said nothing for so long is not about to.
  static constexpr std::chrono::seconds long_silence{2};

  newcomers() = default;
  newcomers(const newcomers&) = delete;
  newcomers& operator=(const newcomers&) = delete;
  newcomers(newcomers&&) = delete;
  newcomers& operator=(newcomers&&) = delete;
  ~newcomers() = default;

  /// A connection was accepted. Requires one `leave`, when it has become a client or has ended.
  [[nodiscard]] ticket join(const ip_address& from, caf::actor handler, time_point now);
  void leave(ticket which);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Those that were chosen to go and have not left yet.
  [[nodiscard]] std::size_t leaving() const noexcept { return leaving_; }
  /// Connections of the address with most, if they are more than `harmless`; else 0.
  [[nodiscard]] std::size_t largest_crowd() const;

  struct victim {
    ticket which = 0;
    caf::actor handler;
  };
  /// Who has to go, and is not in the table any more: the one accepted first, of the address with
  /// most (of IPv6, /64) if that has more than `harmless`, else of all. Nothing if there is nobody;
  /// and while others are leaving, if it is none of a crowd and has not been silent for long.
  [[nodiscard]] std::optional<victim> choose(time_point now);

 private:
  /// An IPv4 address mapped into IPv6, or the first 64 bits of an IPv6 address.
  using network = std::array<std::uint8_t, 16>;
  struct item {
    network from;
    caf::actor handler;
    time_point since;
  };
  using members = std::set<ticket>;
  /// Sorts the networks by who has to go first: fewest places to spare, then the oldest ticket.
  struct rank {
    std::size_t spare = 0;
    ticket oldest = 0;
    friend auto operator<=>(const rank&, const rank&) = default;
  };

  [[nodiscard]] static network network_of(const ip_address& from) noexcept;
  [[nodiscard]] static rank rank_of(const members& group) noexcept;
  void remove(ticket which);

  mutable std::mutex mutex_;
  std::atomic<std::size_t> size_ = 0;
  std::atomic<std::size_t> leaving_ = 0;
  ticket last_ = 0;
  std::unordered_map<ticket, item> items_;
  std::map<network, members> groups_;
  std::map<rank, network> ranks_;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::crowded_out)
