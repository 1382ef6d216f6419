#include "net/dial/own_addresses.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

#include "net/loop/socket_address.hpp"

namespace mtp::net {

namespace {

constexpr std::size_t most_added = 16;

/// Nothing if the kernel does not tell: descriptors may have run out.
std::optional<std::vector<ip_address>> of_interfaces() {
  std::vector<ip_address> found;
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return std::nullopt;
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> all{first, &::freeifaddrs};
  for (const auto* at = first; at != nullptr; at = at->ifa_next) {
    const auto* const address = at->ifa_addr;
    if (address == nullptr) continue;
    sockaddr_storage storage{};
    if (address->sa_family == AF_INET)
      std::memcpy(&storage, address, sizeof(sockaddr_in));
    else if (address->sa_family == AF_INET6)
      std::memcpy(&storage, address, sizeof(sockaddr_in6));
    else
      continue;
    found.push_back(to_endpoint(storage).ip);
  }
  return found;
}

}  // namespace

own_addresses::list own_addresses::get(steady_clock::time_point now) {
  const std::lock_guard lock{mutex_};
  if (list_ != nullptr && now - asked_at_ < kept_for) return list_;
  if (auto found = of_interfaces()) {
    interfaces_ = std::move(*found);
    asked_at_ = now;
  }
  auto all = interfaces_;
  all.insert(all.end(), added_.begin(), added_.end());
  list_ = std::make_shared<const std::vector<ip_address>>(std::move(all));
  return list_;
}

void own_addresses::add(const ip_address& known_by) {
  const std::lock_guard lock{mutex_};
  std::erase(added_, known_by);
  if (added_.size() == most_added) added_.erase(added_.begin());
  added_.push_back(known_by);
  list_ = nullptr;
}

}  // namespace mtp::net
