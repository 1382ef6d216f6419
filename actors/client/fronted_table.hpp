// The connections that are forwarded to cover sites. Above `max_fronted` this table chooses the one
// that ends for a new one.
#pragma once

#include <atomic>
#include <caf/actor.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <compare>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "actors/core/client_network.hpp"
#include "net/loop/timer_wheel.hpp"

namespace mtp::actors {

/// Message to the visitor's actor: its stay at the cover site ends, as there are too many.
struct visit_evicted {};

class fronted_place;

/// Any thread may use it.
class fronted_table {
 public:
  /// Names a connection; those that came later have higher ones. Never 0.
  using number = std::uint64_t;
  /// When bytes of a connection last went through.
  using activity = std::atomic<net::steady_clock::time_point>;

  fronted_table() = default;
  fronted_table(const fronted_table&) = delete;
  fronted_table& operator=(const fronted_table&) = delete;
  fronted_table(fronted_table&&) = delete;
  fronted_table& operator=(fronted_table&&) = delete;
  ~fronted_table() = default;

  /// `visitor`, whose connection comes from `from`, is forwarded from now on. `moved` must be there
  /// until the place is given back, and never goes back.
  [[nodiscard]] fronted_place join(const ip_address& from, caf::actor visitor,
                                   const activity& moved);
  /// Takes out of the table the connection that is to end: of the network with most connections the
  /// one that has been idle longest. Null if there are at most `most`. Takes logarithmic time for
  /// each connection that it looks at, and looks again only at those that have moved since.
  [[nodiscard]] caf::actor choose(std::size_t most);
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  /// How many were chosen so far.
  [[nodiscard]] std::uint64_t evictions() const noexcept { return evictions_; }

 private:
  friend class fronted_place;

  struct item {
    caf::actor visitor;
    const activity* moved;
    /// What `moved` was when it was last looked at.
    net::steady_clock::time_point seen;
  };
  /// Connections of a network.
  struct members {
    std::map<number, item> items;
    /// By `seen`, which may be earlier than `moved` is by now, but never later.
    std::set<std::pair<net::steady_clock::time_point, number>> idlest;
  };
  /// Of a network. The first one is the busiest.
  struct rank {
    std::size_t size = 0;
    number oldest = 0;
    client_network of{};
    friend bool operator<(const rank& a, const rank& b) noexcept {
      return a.size != b.size ? a.size > b.size : a.oldest < b.oldest;
    }
  };

  void leave(const client_network& from, number fronted);
  void remove(std::map<client_network, members>::iterator group, number fronted);
  [[nodiscard]] static number idlest_of(members& group);
  [[nodiscard]] static rank rank_of(const client_network& of, const members& group) noexcept;

  mutable std::mutex mutex_;
  std::atomic<std::size_t> size_ = 0;
  std::atomic<std::uint64_t> evictions_ = 0;
  number last_ = 0;
  std::map<client_network, members> networks_;
  std::set<rank> ranks_;
};

/// A connection's place in the table; it ends with this.
class fronted_place {
 public:
  fronted_place() = default;
  fronted_place(fronted_table& in, const client_network& from,
                fronted_table::number fronted) noexcept
      : in_{&in}, from_{from}, fronted_{fronted} {}
  fronted_place(fronted_place&& other) noexcept { swap(other); }
  fronted_place& operator=(fronted_place other) noexcept {
    swap(other);
    return *this;
  }
  fronted_place(const fronted_place&) = delete;
  ~fronted_place() {
    if (in_ != nullptr) in_->leave(from_, fronted_);
  }

 private:
  void swap(fronted_place& other) noexcept {
    std::swap(in_, other.in_);
    std::swap(from_, other.from_);
    std::swap(fronted_, other.fronted_);
  }

  fronted_table* in_ = nullptr;
  client_network from_{};
  fronted_table::number fronted_ = 0;
};

}  // namespace mtp::actors

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(mtp::actors::visit_evicted)
