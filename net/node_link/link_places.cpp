#include "net/node_link/link_places.hpp"

#include <algorithm>
#include <utility>

#include "net/loop/entropy.hpp"

namespace mtp::net {

namespace {

/// Bytes of `ip_address::mapped` that are the same for all of them.
constexpr std::size_t v4_host = 16;
constexpr std::size_t v4_network = 15;
constexpr std::size_t v6_host = 8;
constexpr std::size_t v6_network = 6;

std::array<std::uint8_t, 16> prefix_of(const ip_address& address, std::size_t size) {
  auto network = address.mapped();
  std::fill(network.begin() + static_cast<std::ptrdiff_t>(size), network.end(), std::uint8_t{0});
  return network;
}

}  // namespace

link_places::holder::holder(const ip_address& from)
    : host_{prefix_of(from, from.is_v4() ? v4_host : v6_host)},
      network_{prefix_of(from, from.is_v4() ? v4_network : v6_network)} {}

link_places::holder* link_places::add(holder& fresh) {
  auto& of_host = hosts_[fresh.host_];
  auto& of_network = networks_[fresh.network_];
  fresh.of_host_ = &++of_host;
  fresh.of_network_ = &++of_network;
  auto* const leaver = leaver_for(fresh);
  all_.push_back(&fresh);
  return leaver;
}

link_places::holder* link_places::leaver_for(const holder& fresh) const {
  const bool host_is_full = *fresh.of_host_ > limits_.per_host;
  const bool network_is_full = *fresh.of_network_ > limits_.per_network;
  if (!host_is_full && !network_is_full && all_.size() < limits_.in_all) return nullptr;
  holder* leaver = nullptr;
  std::pair<std::size_t, std::size_t> most;
  std::size_t equals = 0;
  for (auto* const candidate : all_) {
    if (host_is_full && candidate->host_ != fresh.host_) continue;
    if (network_is_full && candidate->network_ != fresh.network_) continue;
    const std::pair has{*candidate->of_network_, *candidate->of_host_};
    if (has < most) continue;
    equals = has == most ? equals + 1 : 1;
    most = has;
    // Each of them has the same chance in the end.
    if (random_between(std::size_t{1}, equals) == 1) leaver = candidate;
  }
  return leaver;
}

void link_places::remove(holder& leaver) noexcept {
  const auto at = std::find(all_.begin(), all_.end(), &leaver);
  if (at == all_.end()) return;
  *at = all_.back();
  all_.pop_back();
  leaver.of_host_ = leaver.of_network_ = nullptr;
  give_back(hosts_, leaver.host_);
  give_back(networks_, leaver.network_);
}

void link_places::give_back(counts& from, const prefix& whose) noexcept {
  const auto at = from.find(whose);
  if (--at->second == 0) from.erase(at);
}

}  // namespace mtp::net
