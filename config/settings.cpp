#include "config/settings.hpp"

#include <algorithm>

namespace mtp::config {

bool client_config::allows(protocol which) const noexcept {
  return std::ranges::find(allowed_protocols, which) != allowed_protocols.end();
}

bool client_config::allows(const port_settings& port, protocol which) const noexcept {
  if (!port.allowed_protocols) return allows(which);
  const auto& allowed = *port.allowed_protocols;
  return std::ranges::find(allowed, which) != allowed.end();
}

std::string_view to_string(protocol which) noexcept {
  switch (which) {
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

std::string_view to_string(node_role which) noexcept {
  switch (which) {
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
