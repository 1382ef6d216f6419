#include "app/links.hpp"

#include <fmt/format.h>

#include "actors/telegram_config.hpp"
#include "net/socket_address.hpp"

namespace mtp::app {

std::vector<proxy_link> make_links(const actors::settings& settings,
                                   const actors::port_settings& port, const std::string& server) {
  using actors::protocol;
  std::vector<proxy_link> out;
  const auto add = [&](secret_kind kind, const secret16& key, std::string_view domain) {
    out.push_back({.server = server,
                   .port = port.listen.port,
                   .secret = {.kind = kind, .key = key, .domain = std::string{domain}}});
  };
  if (settings.allows(protocol::mtp_fake_tls)) {
    const auto key = settings.per_sni_secrets ? derive_sni_secret(port.secret, default_link_domain,
                                                                  settings.per_sni_secret_salt)
                                              : port.secret;
    add(secret_kind::fake_tls, key, default_link_domain);
  }
  if (settings.allows(protocol::mtp_secure)) add(secret_kind::padded, port.secret, {});
  if (settings.allows(protocol::mtp_abridged) || settings.allows(protocol::mtp_intermediate))
    add(secret_kind::classic, port.secret, {});
  return out;
}

std::string guess_server(const actors::settings& settings, const actors::port_settings& port) {
  if (settings.external_ip) return to_string(*settings.external_ip);
  if (!port.listen.ip.is_any()) return to_string(port.listen.ip);
  const auto telegram = actors::built_in_telegram_config();
  const auto source = net::source_address(telegram.v4.endpoints.begin()->second.front());
  return to_string(source.value_or(port.listen.ip));
}

std::string describe_links(const actors::settings& settings, const std::string& server) {
  std::string out;
  for (const auto& port : settings.ports) {
    out += fmt::format("\nLinks of {} ({}), tag {}:\n", port.name, to_string(port.listen),
                       port.tag ? "active" : "none: set \"tag\" for a promoted channel");
    const auto shown = server.empty() ? guess_server(settings, port) : server;
    for (const auto& link : make_links(settings, port, shown))
      out += fmt::format("  {}\n  {}\n", format_tg_link(link), format_https_link(link));
    if (const auto ip = ip_address::parse(shown); ip && ip->is_any())
      out +=
          fmt::format("  Put this machine's address in place of {}, or set external_ip.\n", shown);
  }
  return out;
}

}  // namespace mtp::app
