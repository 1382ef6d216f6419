#include "config/fronting_checks.hpp"

#include <algorithm>

#include "config/toml_reader.hpp"

namespace mtp::config {

namespace {

/// A target whose address is known, and leads back, would be dialled for ever. (For the others that
/// is found out when they are dialled.)
void check_loop(toml_reader& in, std::string_view key, const fronting_target& target,
                const std::vector<port_settings>& ports) {
  const auto* const at = std::get_if<endpoint>(&target.place);
  const auto* const socket = std::get_if<site_socket>(&target.place);
  const auto port = std::ranges::find_if(ports, [&](const port_settings& one) {
    if (one.socket) return socket != nullptr && socket->path == one.socket->path;
    return at != nullptr && reaches(*at, one.listen);
  });
  if (port != ports.end())
    in.problem(
        *in.find(key), key,
        to_string(target) + " leads back to this proxy: \"" + port->name + "\" listens there");
}

void check_loops(toml_reader& in, const client_config& read) {
  const auto& fronting = read.fronting;
  if (fronting.fixed) check_loop(in, "domain_fronting", *fronting.fixed, read.ports);
  if (fronting.fallback) check_loop(in, "fronting_default", *fronting.fallback, read.ports);
  for (const auto& [name, target] : fronting.sites)
    check_loop(in, "fronting_sites", target, read.ports);
  auto all = read.plain_ports();
  all.insert(all.end(), read.ports.begin(), read.ports.end());
  for (const auto& [number, target] : fronting.plain)
    check_loop(in, "listen_plain", target, all);
}

/// A port can't be a client's and a site's.
void check_plain(toml_reader& in, const client_config& read) {
  for (const auto& [number, target] : read.fronting.plain) {
    const auto port = std::ranges::find_if(
        read.ports, [&, own_name = "plain_" + std::to_string(number)](const port_settings& one) {
          return (!one.socket && one.listen.port == number) || one.name == own_name;
        });
    if (port != read.ports.end())
      in.problem(
          *in.find("listen_plain"), "listen_plain",
          std::to_string(number) + " is the port, or its name that, of \"" + port->name + "\"");
  }
}

/// Warns if the file has this option.
void warn_of(toml_reader& in, std::string_view key, const std::string& text) {
  if (in.has(key)) in.warning(*in.find(key), key, text);
}

void check_unused(toml_reader& in, const fronting_settings& read) {
  if (read.mode == fronting_mode::off)
    for (const auto* const key : {"fronting_default", "fronting_sites"})
      warn_of(in, key, "has no effect while domain_fronting is \"off\"");
  if (read.mode != fronting_mode::sni)
    for (const auto* const key : {"fronting_names", "fronting_open"})
      warn_of(in, key, "has no effect unless domain_fronting is \"sni\"");
  else if (read.open)
    warn_of(in, "fronting_names", "has no effect beside fronting_open, which takes every name");
  if (read.fixed && read.fallback)
    warn_of(
        in, "fronting_default",
        "takes the place of the site in domain_fronting, which nothing goes to then: remove one "
        "of them");
}

void check_sni_mode(toml_reader& in, const fronting_settings& read) {
  if (read.mode != fronting_mode::sni) return;
  if (read.open)
    in.warning(*in.find("fronting_open"), "fronting_open",
               "every name that is asked for is dialled at its port 443: this server can be used "
               "as a relay, and showing the certificate of any site is a sign of a proxy");
  // A wrong value of it has been told already.
  else if (!in.has("fronting_default"))
    in.problem(*in.find("domain_fronting"), "domain_fronting",
               "\"sni\" needs fronting_default, the site for names that are not in tls_domains, "
               "fronting_sites or fronting_names, and for connections without a name");
}

}  // namespace

bool reaches(const endpoint& target, const endpoint& listen) {
  if (target.port != listen.port) return false;
  // "::" takes IPv4 too.
  const bool takes_family = !listen.ip.is_v4() || target.ip.is_v4();
  return target.ip == listen.ip || (listen.ip.is_any() && takes_family && target.ip.is_loopback());
}

void check_fronting(toml_reader& in, const settings& read) {
  if (!read.is_front()) return;
  check_unused(in, read.client.fronting);
  check_sni_mode(in, read.client.fronting);
  check_loops(in, read.client);
  check_plain(in, read.client);
}

}  // namespace mtp::config
