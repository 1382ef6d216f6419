#include "config/settings.hpp"

#include <algorithm>

namespace mtp::config {

bool client_config::allows(protocol wanted) const noexcept {
  return std::ranges::find(allowed_protocols, wanted) != allowed_protocols.end();
}

bool client_config::allows(const port_settings& port, protocol wanted) const noexcept {
  if (!port.allowed_protocols) return allows(wanted);
  const auto& allowed = *port.allowed_protocols;
  return std::ranges::find(allowed, wanted) != allowed.end();
}

const std::vector<std::string>& client_config::domains_of(
    const port_settings& port) const noexcept {
  return port.tls_domains ? *port.tls_domains : tls_domains;
}

std::vector<port_settings> client_config::plain_ports() const {
  std::vector<port_settings> all;
  for (const auto& [number, site] : fronting.plain)
    all.push_back({.name = "plain_" + std::to_string(number),
                   .listen = {.ip = listen_ip, .port = number},
                   .relay_to = site});
  return all;
}

std::size_t client_config::most_fronted() const noexcept {
  constexpr std::size_t share = 4;
  return fronting.max_fronted != 0 ? fronting.max_fronted
                                   : std::max<std::size_t>(max_connections / share, 1);
}

std::string listen_text(const port_settings& port) {
  return port.socket ? std::string{socket_prefix} + port.socket->path : to_string(port.listen);
}

std::string_view to_string(protocol value) noexcept {
  switch (value) {
    case protocol::mtp_abridged:
      return "mtp_abridged";
    case protocol::mtp_intermediate:
      return "mtp_intermediate";
    case protocol::mtp_secure:
      return "mtp_secure";
    case protocol::mtp_fake_tls:
      return "mtp_fake_tls";
  }
  return {};
}

std::string_view to_string(node_role role) noexcept {
  switch (role) {
    case node_role::both:
      return "both";
    case node_role::front:
      return "front";
    case node_role::back:
      return "back";
  }
  return {};
}

std::string to_string(const back_address& at) {
  const bool v6 = at.host.find(':') != std::string::npos;
  return at.name + '@' + (v6 ? '[' + at.host + ']' : at.host) + ':' + std::to_string(at.port);
}

}  // namespace mtp::config
