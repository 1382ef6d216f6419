// The connections of a port that have not shown yet that they are clients. When the port is full,
// this table chooses the one to evict for a new connection: silent connections must not keep
// clients out.
#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "actors/core/client_network.hpp"

namespace mtp::actors {

/// Message to a client_conn: its place is needed. It closes, unless its handshake is done.
struct crowded_out {};

class newcomer_place;

/// Any thread may use it. Everything takes logarithmic time.
class newcomers {
 public:
  /// Names a connection; those accepted later have higher ones. Never 0.
  using number = std::uint64_t;

  using time_point = std::chrono::steady_clock::time_point;

  /// An official client opens about this many connections at once. While an address has more, only
  /// its connections are evicted.
  static constexpr std::size_t harmless = 8;
  /// A connection that has been silent for this long will hardly become a client's.
  static constexpr std::chrono::seconds long_silence{2};

  newcomers() = default;
  newcomers(const newcomers&) = delete;
  newcomers& operator=(const newcomers&) = delete;
  newcomers(newcomers&&) = delete;
  newcomers& operator=(newcomers&&) = delete;
  ~newcomers() = default;

  /// A connection was accepted.
  [[nodiscard]] newcomer_place join(const ip_address& from, time_point now);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// Connections that were chosen for eviction and have not left yet.
  [[nodiscard]] std::size_t leaving() const noexcept { return leaving_; }
  /// How many connections the address with most has, if more than `harmless`; else 0.
  [[nodiscard]] std::size_t largest_crowd() const;

  struct victim {
    number newcomer = 0;
    caf::actor client;
  };
  /// Takes the connection to evict out of the table: the oldest connection of the address (of IPv6,
  /// the /64) with most, if that has more than `harmless`; else the oldest of all. Nothing if the
  /// table is empty, or if the connection's actor has not started yet. If evicted connections are
  /// still leaving (`is_one_more`), only a connection of an address with more than `harmless`, or
  /// one silent for `long_silence`, is taken.
  [[nodiscard]] std::optional<victim> choose(time_point now, bool is_one_more);

 private:
  friend class newcomer_place;
  void start(number newcomer, caf::actor client);
  /// The connection has become a client's, or has ended, whether chosen for eviction or not.
  void leave(number newcomer);

  struct item {
    client_network from;
    caf::actor client;
    time_point since;
  };
  using members = std::set<number>;
  /// Of a network. The oldest connection of the first network is evicted first.
  struct rank {
    /// Its connections, if they are more than `harmless`; else 0.
    std::size_t crowd = 0;
    number oldest = 0;
    friend bool operator<(const rank& a, const rank& b) noexcept {
      return a.crowd != b.crowd ? a.crowd > b.crowd : a.oldest < b.oldest;
    }
  };

  [[nodiscard]] static rank rank_of(const members& group) noexcept;
  void remove(number newcomer);

  mutable std::mutex mutex_;
  std::atomic<std::size_t> size_ = 0;
  std::atomic<std::size_t> leaving_ = 0;
  number last_ = 0;
  std::unordered_map<number, item> items_;
  std::map<client_network, members> groups_;
  std::map<rank, client_network> ranks_;
};

/// A connection's stay among the newcomers; it ends with this.
class newcomer_place {
 public:
  newcomer_place() = default;
  newcomer_place(newcomers& in, newcomers::number newcomer) noexcept
      : in_{&in}, newcomer_{newcomer} {}
  newcomer_place(newcomer_place&& other) noexcept
      : in_{std::exchange(other.in_, nullptr)}, newcomer_{other.newcomer_} {}
  newcomer_place& operator=(newcomer_place&& other) noexcept {
    std::swap(in_, other.in_);
    std::swap(newcomer_, other.newcomer_);
    return *this;
  }
  newcomer_place(const newcomer_place&) = delete;
  newcomer_place& operator=(const newcomer_place&) = delete;
  ~newcomer_place() { leave(); }

  /// From now on `client`, the connection's actor, gets `crowded_out` when it is evicted.
  void start(caf::actor client) {
    if (in_ != nullptr) in_->start(newcomer_, std::move(client));
  }
  void leave() {
    if (auto* const in = std::exchange(in_, nullptr)) in->leave(newcomer_);
  }
  [[nodiscard]] bool is_taken() const noexcept { return in_ != nullptr; }
  [[nodiscard]] newcomers::number newcomer() const noexcept { return newcomer_; }

 private:
  newcomers* in_ = nullptr;
  newcomers::number newcomer_ = 0;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::crowded_out)
