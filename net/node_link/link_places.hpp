// Places for strangers, limited by network and address too, so that a stranger with few addresses
// can't take all of them.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <vector>

#include "codecs/base/address.hpp"

namespace mtp::net {

struct link_place_limits {
  std::size_t in_all = 256;
  /// Per IPv4 /24, or IPv6 /48.
  std::size_t per_network = 64;
  /// Per IPv4 address, or IPv6 /64, as anybody with one address of it has all of them.
  std::size_t per_host = 32;
};

/// For one thread.
class link_places {
  using prefix = std::array<std::uint8_t, 16>;

 public:
  /// A connection that has a place. Must be removed before it ends.
  class holder {
   public:
    explicit holder(const ip_address& from);
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;
    holder(holder&&) = delete;
    holder& operator=(holder&&) = delete;
    ~holder() = default;

   private:
    friend class link_places;

    prefix host_;
    prefix network_;
    /// Places that its host and network have; null as long as it has none itself.
    const std::size_t* of_host_ = nullptr;
    const std::size_t* of_network_ = nullptr;
  };

  explicit link_places(const link_place_limits& limits) : limits_{limits} {}

  /// Gives `fresh` a place. If its host, its network or all together then have too many, returns
  /// one of these that must go for it, never `fresh`: of the network with most places, there of the
  /// host with most, and there any, at random, so that no flood can be timed to hit a certain one.
  /// The caller removes it. Else null.
  [[nodiscard]] holder* add(holder& fresh);
  /// Does nothing if it has no place.
  void remove(holder& leaver) noexcept;
  [[nodiscard]] std::size_t size() const noexcept { return all_.size(); }

 private:
  using counts = std::map<prefix, std::size_t>;

  [[nodiscard]] holder* leaver_for(const holder& fresh) const;
  static void give_back(counts& from, const prefix& whose) noexcept;

  link_place_limits limits_;
  std::vector<holder*> all_;
  counts hosts_;
  counts networks_;
};

}  // namespace mtp::net
