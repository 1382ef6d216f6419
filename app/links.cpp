#include "app/links.hpp"

#include <fmt/format.h>

#include "actors/uplink/middle/telegram_config.hpp"
#include "net/loop/socket_address.hpp"

namespace mtp::app {

namespace {

/// What the operator should know of an address in links; mostly nothing.
std::string advice(const ip_address& ip, const source_addresses& ours) {
  const bool v4 = ip.is_v4();
  if (ip.is_any() && v4 && !ours.v4 && ours.v6)
    return "  This machine has no IPv4 address, and the port takes nothing else: set listen_ip = "
           "\"::\".\n";
  if (ip.is_any())
    return fmt::format("  Put this machine's address in place of {}, or set {}.\n", to_string(ip),
                       v4 ? "external_ip" : "external_ip or external_ipv6");
  if (ip.is_private())
    return fmt::format("  The Internet does not know {}: for clients from there, set {}.\n",
                       to_string(ip), v4 ? "external_ip" : "external_ipv6");
  return {};
}

}  // namespace

std::vector<proxy_link> make_links(const config::client_config& clients,
                                   const config::port_settings& port, const std::string& server) {
  using config::protocol;
  std::vector<proxy_link> links;
  const auto add = [&](secret_kind kind, const secret16& key, std::string_view domain) {
    links.push_back({.server = server,
                     .port = port.listen.port,
                     .secret = {.kind = kind, .key = key, .domain = std::string{domain}}});
  };
  if (clients.allows(port, protocol::mtp_fake_tls)) {
    const auto& domains = clients.domains_of(port);
    const auto domain =
        domains.empty() ? config::default_link_domain : std::string_view{domains.front()};
    const auto key = clients.per_sni_secrets
                         ? derive_sni_secret(port.secret, domain, clients.per_sni_secret_salt)
                         : port.secret;
    add(secret_kind::fake_tls, key, domain);
  }
  if (clients.allows(port, protocol::mtp_secure)) add(secret_kind::padded, port.secret, {});
  if (clients.allows(port, protocol::mtp_abridged) ||
      clients.allows(port, protocol::mtp_intermediate))
    add(secret_kind::classic, port.secret, {});
  return links;
}

source_addresses find_source_addresses() {
  const auto telegram = actors::built_in_telegram_config();
  const auto towards = [](const dc_list& list) {
    return net::source_address(list.endpoints.begin()->second.front());
  };
  return {.v4 = towards(telegram.v4), .v6 = towards(telegram.v6)};
}

std::vector<ip_address> link_addresses(const config::uplink_config& uplink,
                                       const config::port_settings& port,
                                       const source_addresses& ours) {
  using address = std::optional<ip_address>;
  const auto& at = port.listen.ip;
  const bool passed_on = at.is_loopback() && (uplink.external_ip || uplink.external_ipv6);
  std::vector<ip_address> addresses;
  const auto add = [&](bool takes, const address& external, const address& source) {
    const auto own = at.is_any() ? source : address{at};
    if (external && (takes || passed_on))
      addresses.push_back(*external);
    else if (takes && own && !passed_on)
      addresses.push_back(*own);
  };
  add(at.is_v4() || at.is_any(), uplink.external_ip, ours.v4);
  add(!at.is_v4(), uplink.external_ipv6, ours.v6);
  if (addresses.empty()) addresses.push_back(at);
  return addresses;
}

std::string describe_links(const config::settings& settings, const source_addresses& ours) {
  std::string text;
  for (const auto& port : settings.client.ports) {
    text += fmt::format("\nLinks of {} ({}), tag {}:\n", port.name, listen_text(port),
                        port.tag ? "active" : "none: set \"tag\" for a promoted channel");
    for (const auto& ip : link_addresses(settings.uplink, port, ours)) {
      for (const auto& link : make_links(settings.client, port, to_string(ip)))
        text += fmt::format("  {}\n  {}\n", format_tg_link(link), format_https_link(link));
      text += advice(ip, ours);
    }
  }
  return text;
}

std::string describe_links(const config::settings& settings, const std::string& seen_as) {
  auto known = settings;
  if (const auto ip = ip_address::parse(seen_as))
    (ip->is_v4() ? known.uplink.external_ip : known.uplink.external_ipv6) = ip;
  return describe_links(known, find_source_addresses());
}

}  // namespace mtp::app
