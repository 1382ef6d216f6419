// The option table: what a [[ports]] table may have.
#include <algorithm>

#include "config/option_table.hpp"
#include "config/option_values.hpp"

namespace mtp::config {

namespace {

client_socket& socket_of(port_settings& port) {
  if (!port.socket) port.socket.emplace();
  return *port.socket;
}

constexpr auto socket_path =
    computed{[](const port_settings& from) {
               const bool has_path = from.socket && !from.socket->path.empty();
               return has_path ? std::optional{from.socket->path} : std::nullopt;
             },
             [](port_settings& into, const std::string& path) { socket_of(into).path = path; }};

constexpr auto socket_mode =
    computed{[](const port_settings& from) { return from.socket.value_or(client_socket{}).mode; },
             [](port_settings& into, unsigned mode) { socket_of(into).mode = mode; }};

constexpr auto socket_group =
    computed{[](const port_settings& from) { return from.socket.value_or(client_socket{}).group; },
             [](port_settings& into, const std::string& group) { socket_of(into).group = group; }};

}  // namespace

const std::vector<port_option>& port_options() {
  using of = values<port_settings>;
  static const std::vector<port_option> rows{
      {.key = "name",
       .value = of::text(&port_settings::name, any_text),
       .shown_default = "`\"mtp_handler_<n>\"`",
       .roles = with_clients,
       .applies = change_time::live,
       .example = "\"mtp_handler_1\"",
       .line = "The port's name in metrics (`listener`) and in the log. `<n>` is its place in "
               "the file, from 1: give it a name if that may change."},
      {.key = "listen_ip",
       .value = of::text(at(&port_settings::listen, &endpoint::ip), any_address),
       .shown_default = "the global `listen_ip`",
       .roles = with_clients,
       .applies = change_time::live,
       .example = "\"::\"",
       .line = "The address to listen on. `\"::\"` takes IPv4 too."},
      {.key = "listen",
       .value = of::text(socket_path, socket_place),
       .shown_default = "`listen_ip` and `port`",
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .example = "\"unix:/run/mtproto-proxy/clients.sock\"",
       .line =
           "A UNIX socket to listen on, in place of an address: for clients that come through "
           "another proxy on this machine, which must send a header of the PROXY protocol "
           "(as `proxy_protocol_from` says). `listen_ip` and `port` are then for the links: the "
           "other proxy's. A socket without a process that is left at the path is replaced."},
      {.key = "listen_mode",
       .value = of::text(socket_mode, file_mode),
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .example = "\"0666\"",
       .line = "The permissions of the UNIX socket. Programs that may write to it may connect, and "
               "claim any address for their clients."},
      {.key = "listen_group",
       .value = of::text(socket_group, any_text),
       .shown_default = "that of the process",
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .example = "\"www-data\"",
       .line = "The group of the UNIX socket, so that the other proxy may connect: a name or a "
               "number. The process must be a member of it, or root."},
      {.key = "port",
       .value = of::whole(at(&port_settings::listen, &endpoint::port), {.least = 1, .most = 65535}),
       .shown_default = "required",
       .roles = with_clients,
       .applies = change_time::live,
       .required = "a port number, 1 to 65535",
       .line = "443 looks best."},
      {.key = "secret",
       .value = of::text(&port_settings::secret, secret_text),
       .shown_default = "required",
       .roles = with_clients,
       .applies = change_time::new_connections,
       .secret = true,
       .required = "32 hexadecimal digits, for example from: openssl rand -hex 16",
       .example = "\"00112233445566778899aabbccddeeff\"",
       .line = "32 hexadecimal digits, for example from `openssl rand -hex 16`, without `dd` or "
               "`ee` in front. Whoever knows the secret can use the proxy. Clients with an old "
               "secret may stay for `drain_timeout_sec`."},
      {.key = "tag",
       .value = of::text(&port_settings::tag, tag_text),
       .shown_default = "none",
       .roles = with_clients,
       .applies = change_time::new_connections,
       .secret = true,
       .example = "\"00112233445566778899aabbccddeeff\"",
       .line =
           "The ad tag from @MTProxybot, 32 hexadecimal digits, for a promoted channel. Everything "
           "else works without it. Clients with an old tag may stay for `drain_timeout_sec`."},
      {.key = "allowed_protocols",
       .value = of::list(&port_settings::allowed_protocols, protocol_text,
                         "expected at least one protocol"),
       .shown_default = "the global ones",
       .roles = with_clients,
       .applies = change_time::new_connections,
       .original = false,
       .example = "[\"mtp_fake_tls\"]",
       .line = "The protocols of this port, instead of the global `allowed_protocols`."},
      {.key = "tls_domains",
       .value = of::list(&port_settings::tls_domains, domain_text),
       .shown_default = "the global ones",
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .example = "[\"example.com\"]",
       .line = "The names of this port, instead of the global `tls_domains`. `[]`: any."},
      {.key = "proxy_protocol_from",
       .value = of::list(&port_settings::proxy_protocol_from, network_text),
       .shown_default = "none",
       .roles = with_clients,
       .applies = change_time::new_connections,
       .original = false,
       .example = "[\"10.0.0.1\", \"2001:db8::/32\"]",
       .line =
           "Addresses and networks of proxies in front of this port. A connection from there "
           "begins with a header of the PROXY protocol, version 1 or 2, of at most 4 KiB, which "
           "must come within 500 ms and tells the address of the client. All other "
           "connections are those of clients, and have none."},
  };
  return rows;
}

}  // namespace mtp::config
