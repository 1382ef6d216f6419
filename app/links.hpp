// The links users open to use this proxy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codecs/client/secret.hpp"
#include "config/settings.hpp"

namespace mtp::app {

/// One link a kind of secret that `clients` lets in, the best disguised first: fake-TLS, dd,
/// classic.
[[nodiscard]] std::vector<proxy_link> make_links(const config::client_config& clients,
                                                 const config::port_settings& port,
                                                 const std::string& server);

/// The addresses from which this machine would reach Telegram; nothing where it has no route.
struct source_addresses {
  std::optional<ip_address> v4;
  std::optional<ip_address> v6;
};
[[nodiscard]] source_addresses find_source_addresses();

/// The addresses to put in a port's links, IPv4 first, as more clients have it; never none. Of each
/// family that the port takes ("::" takes both): `external_ip` or `external_ipv6`, else the port's
/// own address, else the one in `ours`. If nothing is known, the port's "0.0.0.0" or "::". A
/// program in front of a port on loopback may change the family: such a port gets all external
/// addresses.
[[nodiscard]] std::vector<ip_address> link_addresses(const config::uplink_config& uplink,
                                                     const config::port_settings& port,
                                                     const source_addresses& ours);

/// A text for the operator: links of all ports, and what to set if their addresses will not do.
[[nodiscard]] std::string describe_links(const config::settings& settings,
                                         const source_addresses& ours);
/// The same for this machine. `seen_as`: its address as Telegram sees it, if that was asked for;
/// empty if not.
[[nodiscard]] std::string describe_links(const config::settings& settings,
                                         const std::string& seen_as);

}  // namespace mtp::app
