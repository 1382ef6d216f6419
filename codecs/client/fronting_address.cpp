#include "codecs/client/fronting_address.hpp"

#include <algorithm>

#include "codecs/base/cidr.hpp"

namespace mtp {

namespace {

struct forbidden_network {
  std::string_view network;
  std::string_view text;
};

constexpr std::string_view this_machine = "this machine";
constexpr std::string_view private_network = "a private network";
constexpr std::string_view link_local = "a local link";
constexpr std::string_view many = "no single machine";
constexpr std::string_view carries_v4 = "an address with an IPv4 address in it";

constexpr std::array forbidden_networks{
    forbidden_network{"0.0.0.0/8", this_machine},
    forbidden_network{"10.0.0.0/8", private_network},
    forbidden_network{"100.64.0.0/10", private_network},
    forbidden_network{"127.0.0.0/8", this_machine},
    // Also the metadata of clouds.
    forbidden_network{"169.254.0.0/16", link_local},
    forbidden_network{"172.16.0.0/12", private_network},
    forbidden_network{"192.0.0.0/24", private_network},
    forbidden_network{"192.168.0.0/16", private_network},
    forbidden_network{"198.18.0.0/15", private_network},
    // Multicast, reserved, broadcast.
    forbidden_network{"224.0.0.0/3", many},
    forbidden_network{"::/127", this_machine},
    // A router or a tunnel may take the IPv4 address out of these: compatible, NAT64, Teredo, 6to4.
    forbidden_network{"::/96", carries_v4},
    forbidden_network{"64:ff9b::/96", carries_v4},
    forbidden_network{"64:ff9b:1::/48", carries_v4},
    forbidden_network{"2001::/32", carries_v4},
    forbidden_network{"2002::/16", carries_v4},
    forbidden_network{"fc00::/7", private_network},
    forbidden_network{"fe80::/10", link_local},
    // Site-local, which some networks still have.
    forbidden_network{"fec0::/10", private_network},
    forbidden_network{"ff00::/8", many},
};

struct parsed_network {
  cidr network;
  std::string_view text;
};

const std::vector<parsed_network>& parsed_networks() {
  static const auto networks = [] {
    std::vector<parsed_network> parsed;
    for (const auto& row : forbidden_networks)
      parsed.push_back({cidr::parse(row.network).value(), row.text});
    return parsed;
  }();
  return networks;
}

}  // namespace

std::string_view why_not_dialled(const ip_address& ip, std::span<const ip_address> own) {
  if (std::ranges::find(own, ip) != own.end()) return this_machine;
  const auto& networks = parsed_networks();
  const auto found = std::ranges::find_if(
      networks, [&](const parsed_network& row) { return row.network.contains(ip); });
  return found == networks.end() ? std::string_view{} : found->text;
}

}  // namespace mtp
