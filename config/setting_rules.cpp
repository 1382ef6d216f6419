#include "config/setting_rules.hpp"

#include <algorithm>
#include <span>

#include "codecs/base/text.hpp"
#include "config/fronting_checks.hpp"
#include "config/toml_reader.hpp"

namespace mtp::config {

namespace {

/// The example of the original's documentation.
constexpr std::string_view published_secret = "d0d6e111bada5511fcce9584deadbeef";

constexpr std::size_t bytes_per_client = std::size_t{30} * 1024;
constexpr std::size_t packets_per_client = 2;
/// Fewer, as few clients would have, pause on a single packet.
constexpr std::size_t fewest_packets = 11;

/// 0 stands for one that the file does not give.
void complete_backpressure(uplink_config& read) {
  auto& limits = read.downstream_backpressure;
  const auto clients = read.clients_per_dc_connection;
  if (limits.bytes_total == 0) limits.bytes_total = clients * bytes_per_client;
  if (limits.packets_total == 0)
    limits.packets_total = std::max(clients * packets_per_client, fewest_packets);
}

void complete_console_socket(toml_reader& in, process_config& read) {
  // With the state, unless it is said otherwise: two proxies have different ones.
  if (!in.has("console_socket"))
    read.console_socket = read.state_dir.empty() ? std::string{} : read.state_dir + "/console.sock";
  else if (read.console_socket.size() > max_socket_path)
    in.problem(*in.find("console_socket"), "console_socket",
               "expected a path of at most " + std::to_string(max_socket_path) +
                   " bytes, which is what a UNIX socket can have; " + read.console_socket +
                   " has " + std::to_string(read.console_socket.size()));
}

/// Whether not both can be served. ("::" leaves IPv4 to others.)
bool overlap(const endpoint& address, const endpoint& other) {
  if (address.port != other.port || address.port == 0) return false;
  const bool is_any = address.ip.is_any() || other.ip.is_any();
  return address.ip == other.ip || (is_any && address.ip.is_v4() == other.ip.is_v4());
}

void check_metrics_port(toml_reader& in, const settings& read) {
  const auto& metrics = read.process.metrics_listen;
  if (!metrics) return;
  for (const auto& port : read.client.ports)
    if (!port.socket && overlap(*metrics, port.listen))
      in.problem(*in.find("metrics_port"), "metrics_port", "is that of \"" + port.name + "\", too");
  if (const auto& listen = read.link.node_link.listen; listen && overlap(*metrics, *listen))
    in.problem(*in.find("metrics_port"), "metrics_port", "is that of node_link.listen, too");
}

void check_console_path(toml_reader& in, const settings& read) {
  const auto& path = read.process.console_socket;
  for (const auto& port : read.client.ports)
    if (port.socket && port.socket->path == path)
      in.problem(in.has("console_socket") ? *in.find("console_socket") : in.self(),
                 "console_socket", "is the socket of \"" + port.name + "\", too");
}

/// A port at a UNIX socket: what has no meaning there, and sockets at one path.
void check_socket(toml_reader& in, const port_settings& port,
                  std::span<const port_settings> others) {
  if (!port.socket) return;
  if (port.socket->path.empty()) {
    // A wrong path has been told already.
    for (const auto* const key : {"listen_mode", "listen_group"})
      if (in.has(key) && !in.has("listen"))
        in.problem(*in.find(key), key, "is for a UNIX socket: set listen = \"unix:/path\"");
    return;
  }
  for (const auto& other : others)
    if (other.socket && other.socket->path == port.socket->path)
      in.problem(*in.find("listen"), "listen", "is the socket of \"" + other.name + "\" already");
  if (in.has("proxy_protocol_from"))
    in.warning(*in.find("proxy_protocol_from"), "proxy_protocol_from",
               "has no effect at a UNIX socket, where all connections begin with a header of the "
               "PROXY protocol");
}

}  // namespace

settings settings_to_read(const toml_reader& in) {
  settings read;
  read.uplink.downstream_backpressure.bytes_total = 0;
  read.uplink.downstream_backpressure.packets_total = 0;
  // A table of one's own has all limits that there are.
  if (in.has("upstream_healthchecks")) read.uplink.upstream_healthchecks = {};
  return read;
}

void complete_settings(toml_reader& in, settings& read) {
  complete_backpressure(read.uplink);
  complete_console_socket(in, read.process);
  // An operator with another configuration server has it for both families.
  if (in.has("proxy_config_url") && !in.has("proxy_config_v6_url"))
    read.uplink.proxy_config_v6_url.clear();
  if (read.process.metrics_listen && read.process.metrics_listen->port == 0)
    read.process.metrics_listen.reset();
  check_metrics_port(in, read);
  check_console_path(in, read);
  check_fronting(in, read);
  if (read.client.per_sni_secrets &&
      read.client.per_sni_secret_salt == settings{}.client.per_sni_secret_salt)
    in.warning(
        *in.find("per_sni_secrets"), "per_sni_secrets",
        "the salt is the published one: set per_sni_secret_salt to a secret text of your own");
}

void check_port(toml_reader& in, std::vector<port_settings>& ports) {
  auto& port = ports.back();
  if (port.name.empty()) port.name = "mtp_handler_" + std::to_string(ports.size());
  const auto others = std::span{ports}.first(ports.size() - 1);
  if (std::ranges::find(others, port.name, &port_settings::name) != others.end())
    in.problem(in.has("name") ? *in.find("name") : in.self(), "name",
               '"' + port.name + "\" is used by two ports; names must differ");
  check_socket(in, port, others);
  for (const auto& other : others)
    if (!port.socket && !other.socket && overlap(port.listen, other.listen))
      in.problem(*in.find("port"), "port",
                 to_string(port.listen) + " is served by \"" + other.name + "\" already");
  if (std::ranges::find(port.proxy_protocol_from, 0U, &cidr::prefix) !=
      port.proxy_protocol_from.end())
    in.warning(*in.find("proxy_protocol_from"), "proxy_protocol_from",
               "has every address: anybody can say then that he has another one, and connections "
               "without the header are closed");
  if (to_hex(port.secret) == published_secret)
    in.warning(*in.find("secret"), "secret",
               "is the published example: anybody can use this proxy");
}

}  // namespace mtp::config
