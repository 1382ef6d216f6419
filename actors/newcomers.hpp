// The connections of a port that have not shown yet that they are clients. When there is no place
// for another one, this table says which of them has to go: whoever opens connections and says
// nothing must not keep clients out.
#pragma once

#include <array>
#include <atomic>
#include <caf/actor.hpp>
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

  /// An official client opens about this many connections at once: nobody with that few goes before
  /// somebody with more.
  static constexpr std::size_t harmless = 8;

  newcomers() = default;
  newcomers(const newcomers&) = delete;
  newcomers& operator=(const newcomers&) = delete;
  newcomers(newcomers&&) = delete;
  newcomers& operator=(newcomers&&) = delete;
  ~newcomers() = default;

  /// A connection was accepted. Requires `leave` when it has become a client or has ended.
  [[nodiscard]] ticket join(const ip_address& from, caf::actor handler);
  /// Does nothing for a connection that was chosen to go.
  void leave(ticket which);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  struct victim {
    ticket which = 0;
    caf::actor handler;
  };
  /// Who has to go, and is not in the table any more: the one accepted first, of the address with
  /// most (of IPv6, /64) if that has more than `harmless`, else of all. Nothing if there is nobody.
  [[nodiscard]] std::optional<victim> choose();

 private:
  /// An IPv4 address mapped into IPv6, or the first 64 bits of an IPv6 address.
  using network = std::array<std::uint8_t, 16>;
  struct item {
    network from;
    caf::actor handler;
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
  ticket last_ = 0;
  std::unordered_map<ticket, item> items_;
  std::map<network, members> groups_;
  std::map<rank, network> ranks_;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::crowded_out)
