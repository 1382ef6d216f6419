#include "net/node_link/link_places.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string>

namespace mtp::net {
namespace {

/// Holders by their addresses.
struct guests {
  explicit guests(const link_place_limits& limits) : places{limits} {}

  /// The address of the guest that went for it; empty if none did.
  std::string add(const std::string& address) {
    auto& fresh = all.emplace_back(*ip_address::parse(address));
    addresses.push_back(address);
    auto* const leaver = places.add(fresh);
    if (leaver == nullptr) return {};
    CHECK(leaver != &fresh);
    places.remove(*leaver);
    const auto at =
        std::ranges::find_if(all, [&](const auto& holder) { return &holder == leaver; });
    return addresses[static_cast<std::size_t>(at - all.begin())];
  }

  link_places places;
  std::deque<link_places::holder> all;
  std::deque<std::string> addresses;
};

TEST_CASE("link places: there are some in all, and then the network with most gives one") {
  guests all{{.in_all = 5, .per_network = 4, .per_host = 4}};
  for (const auto* address : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "198.51.100.1", "203.0.113.1"})
    CHECK(all.add(address).empty());
  CHECK(all.add("203.0.113.2").starts_with("192.0.2."));
  CHECK(all.places.size() == 5);
  // The newcomer counts for its own network.
  CHECK(all.add("203.0.113.3").starts_with("203.0.113."));
}

TEST_CASE("link places: in a network, the host with most gives one") {
  guests all{{.in_all = 4, .per_network = 4, .per_host = 4}};
  for (const auto* address : {"192.0.2.1", "192.0.2.2", "192.0.2.2", "192.0.2.3"})
    CHECK(all.add(address).empty());
  CHECK(all.add("198.51.100.1") == "192.0.2.2");
}

TEST_CASE("link places: a host and a network have their share, whoever else is there") {
  guests all{{.in_all = 10, .per_network = 3, .per_host = 2}};
  CHECK(all.add("198.51.100.1").empty());
  CHECK(all.add("198.51.100.2").empty());
  CHECK(all.add("198.51.100.3").empty());
  SUBCASE("an address") {
    CHECK(all.add("192.0.2.1").empty());
    CHECK(all.add("192.0.2.1").empty());
    CHECK(all.add("192.0.2.1") == "192.0.2.1");
    CHECK(all.places.size() == 5);
  }
  SUBCASE("a /24") {
    CHECK(all.add("192.0.2.1").empty());
    CHECK(all.add("192.0.2.2").empty());
    CHECK(all.add("192.0.2.2").empty());
    CHECK(all.add("192.0.2.255") == "192.0.2.2");
  }
  SUBCASE("an IPv6 /64 is one host") {
    CHECK(all.add("2001:db8:0:1::1").empty());
    CHECK(all.add("2001:db8:0:1:ffff::1").empty());
    CHECK(all.add("2001:db8:0:1::2").starts_with("2001:db8:0:1:"));
    CHECK(all.add("2001:db8:0:2::1").empty());
  }
  SUBCASE("an IPv6 /48 is one network") {
    CHECK(all.add("2001:db8:0:1::1").empty());
    CHECK(all.add("2001:db8:0:2::1").empty());
    CHECK(all.add("2001:db8:0:ffff::1").empty());
    CHECK(all.add("2001:db8:0:3::1").starts_with("2001:db8:0:"));
    CHECK(all.add("2001:db8:1:1::1").empty());
  }
}

TEST_CASE("link places: who has left counts no more") {
  guests all{{.in_all = 2, .per_network = 2, .per_host = 1}};
  CHECK(all.add("192.0.2.1").empty());
  all.places.remove(all.all.front());
  all.places.remove(all.all.front());
  CHECK(all.places.size() == 0);
  CHECK(all.add("192.0.2.1").empty());
}

TEST_CASE("link places: among equals it is chance, so that no order saves or dooms anybody") {
  std::set<std::string> leavers;
  for (int round = 0; round < 200; ++round) {
    guests all{{.in_all = 4, .per_network = 4, .per_host = 4}};
    for (const auto* address : {"192.0.2.1", "198.51.100.1", "203.0.113.1", "10.0.0.1"})
      CHECK(all.add(address).empty());
    leavers.insert(all.add("10.0.1.1"));
  }
  CHECK(leavers.size() == 4);
}

}  // namespace
}  // namespace mtp::net
