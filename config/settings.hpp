// Everything an operator can set, checked and typed. config/settings_file reads it from TOML, by
// the rows of config/option_table, which also explain each option. Names are the original's where
// it has the option.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "codecs/base/address.hpp"
#include "codecs/base/cidr.hpp"
#include "codecs/client/record_sizing.hpp"
#include "codecs/client/secret.hpp"
#include "codecs/telegram/rpc.hpp"
#include "config/fronting.hpp"

namespace mtp::config {

/// A value of `allowed_protocols`.
enum class protocol : std::uint8_t { mtp_abridged, mtp_intermediate, mtp_secure, mtp_fake_tls };

/// `reset_close_socket`: when closing a client sends RST.
enum class reset_close : std::uint8_t { off, handshake_error, always };

/// `replay_check_server_error_filter`: which -404 answers of Telegram are kept from a client.
/// Automatic ("auto"): the first, if the client's handshake may be a replay; the client is closed
/// then.
enum class error_filter : std::uint8_t { off, first, on, automatic };

/// A UNIX socket for clients that come through another proxy on this machine.
struct client_socket {
  std::string path;
  /// Permission bits of its file.
  unsigned mode = 0660;
  /// The group of its file; empty: that of the process.
  std::string group;
  friend bool operator==(const client_socket&, const client_socket&) = default;
};

struct port_settings {
  std::string name;
  endpoint listen;
  /// Set: the port listens there, and `listen.port` is only what its links show.
  std::optional<client_socket> socket;
  secret16 secret{};
  /// Without one, clients see no promoted channel.
  std::optional<rpc::ad_tag> tag;
  /// Absent: those of all ports.
  std::optional<std::vector<protocol>> allowed_protocols;
  /// Absent: those of all ports.
  std::optional<std::vector<std::string>> tls_domains;
  /// Connections from there begin with a header of the PROXY protocol; all others have none. At a
  /// `socket` all have one.
  std::vector<cidr> proxy_protocol_from;
  /// Set: all connections are this site's.
  std::optional<fronting_target> relay_to;
  friend bool operator==(const port_settings&, const port_settings&) = default;
};

struct replay_cache_settings {
  std::size_t max_items = 4'000'000;
  /// 0: an eighth of the memory budget, at most 512.
  std::size_t max_memory_mb = 0;
  std::chrono::minutes max_age{360};
  friend bool operator==(const replay_cache_settings&, const replay_cache_settings&) = default;
};

struct backpressure_settings {
  /// Un-acked bytes and packets above which a DC connection stops reading. The defaults are 30 KiB
  /// and 2 times `clients_per_dc_connection`.
  std::size_t bytes_total = std::size_t{300} * 30 * 1024;
  std::size_t packets_total = 600;
  /// The same, times the number of its clients.
  std::optional<std::size_t> bytes_per_upstream;
  std::optional<double> packets_per_upstream;
  friend bool operator==(const backpressure_settings&, const backpressure_settings&) = default;
};

/// Beyond these a client that does not read is closed; absent means never.
struct client_health_settings {
  std::optional<std::size_t> qlen;
  std::optional<std::size_t> total_mem;
  friend bool operator==(const client_health_settings&, const client_health_settings&) = default;
};

/// Which part of the proxy a process is.
enum class node_role : std::uint8_t { both, front, back };

/// `back@host:port`: a back node as a front knows it.
struct back_address {
  /// The name in its certificate.
  std::string name;
  /// A name or an address.
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const back_address&, const back_address&) = default;
};

/// `back_nodes_policy`: which of the reachable backs gets a client.
enum class back_choice : std::uint8_t { failover, balance };

enum class link_security : std::uint8_t { tls, plain, caf_openssl };

/// `[node_link]`: how front and back reach each other.
struct node_link_settings {
  link_security security = link_security::tls;
  /// Where a back waits for fronts.
  std::optional<endpoint> listen;
  /// PEM files.
  std::string certificate;
  std::string key;
  std::string ca;
  /// Names of fronts that a back takes.
  std::vector<std::string> allowed_nodes;
  std::string cluster_cookie;
  /// The server name in a front's hello; empty: none.
  std::string sni;
  /// Where a back forwards connections that are not a front's.
  std::optional<fronting_target> fronting;
  /// The other node is given up when nothing has come for so long.
  std::chrono::seconds timeout{15};
  friend bool operator==(const node_link_settings&, const node_link_settings&) = default;
};

/// The process: its role, and its share of the machine.
struct process_config {
  node_role role = node_role::both;
  /// Threads that serve sockets; 0: one per processor.
  unsigned reactors = 0;
  /// Bytes that the process may take; 0: half of the machine's memory.
  std::size_t memory_budget = 0;
  /// Where the last good configuration of Telegram is kept; empty: nowhere.
  std::string state_dir = "/var/lib/mtproto-proxy";
  /// The console's UNIX socket; empty: no console.
  std::string console_socket = "/var/lib/mtproto-proxy/console.sock";
  std::optional<endpoint> metrics_listen;
  std::string log_level = "info";
  std::chrono::seconds stop_timeout{5};
  /// Carry streams through link agents inside the process, as between nodes: for tests.
  bool through_link_agents = false;
  friend bool operator==(const process_config&, const process_config&) = default;
};

/// What clients with fake-TLS ask for where `tls_domains` has nothing; the original's choice, and
/// any other works as well.
inline constexpr std::string_view default_link_domain = "s3.amazonaws.com";

/// How the clock in a ClientHello is judged.
struct hello_clock_settings {
  /// It may be so far off, either way.
  std::chrono::seconds window{120};
  /// One that counts from the start of its machine is let in.
  bool boot_clock = true;
  /// All others are let in, too.
  bool ignore_skew = false;
  friend bool operator==(const hello_clock_settings&, const hello_clock_settings&) = default;
};

/// Listeners and clients: what a front needs for them.
struct client_config {
  /// Of ports that do not say so themselves.
  ip_address listen_ip;
  std::vector<port_settings> ports;
  std::size_t max_connections = 64000;
  std::vector<protocol> allowed_protocols{protocol::mtp_fake_tls, protocol::mtp_secure,
                                          protocol::mtp_abridged, protocol::mtp_intermediate};
  /// Names that clients ask for with fake-TLS, in their normal form; empty: any.
  std::vector<std::string> tls_domains;
  fronting_settings fronting;
  mtp::record_sizing record_sizing = mtp::record_sizing::ramp;
  hello_clock_settings hello_clock;
  bool per_sni_secrets = false;
  std::string per_sni_secret_salt = "mtproto-proxy-per-sni-v1";
  std::chrono::seconds init_timeout{60};
  std::chrono::seconds hibernate_timeout{60};
  std::chrono::seconds ready_timeout{1200};
  /// How long clients may stay when a reload has removed their port, or changed its secret or tag;
  /// 0: until they leave.
  std::chrono::seconds drain_timeout{300};
  reset_close reset_close_socket = reset_close::off;
  error_filter server_error_filter = error_filter::automatic;
  bool replay_check_session_storage = true;
  /// Handshakes are kept in a file over a restart, if there is a `state_dir`.
  bool replay_check_persist = true;
  /// Handshakes are remembered for all fronts of our backs.
  bool replay_share = false;
  replay_cache_settings replay_cache;
  std::size_t upstream_socket_buffer_size = 51200;
  std::chrono::milliseconds upstream_send_timeout{15000};

  [[nodiscard]] bool allows(protocol wanted) const noexcept;
  /// The same for a port, which may have protocols of its own.
  [[nodiscard]] bool allows(const port_settings& port, protocol wanted) const noexcept;
  /// The `tls_domains` of a port, which may have some of its own.
  [[nodiscard]] const std::vector<std::string>& domains_of(
      const port_settings& port) const noexcept;
  /// Ports whose connections are all forwarded, in the order of their numbers.
  [[nodiscard]] std::vector<port_settings> plain_ports() const;
  /// The most connections that are forwarded at a time, of all ports together.
  [[nodiscard]] std::size_t most_fronted() const noexcept;
  friend bool operator==(const client_config&, const client_config&) = default;
};

/// Telegram's configuration and the connections to its DCs. A front uses only the addresses
/// and `dc_wait_timeout`.
struct uplink_config {
  std::string proxy_secret_url = "https://core.telegram.org/getProxySecret";
  std::string proxy_config_url = "https://core.telegram.org/getProxyConfig";
  std::string proxy_config_v6_url = "https://core.telegram.org/getProxyConfigV6";
  std::chrono::milliseconds core_api_http_timeout{3000};
  std::chrono::seconds conf_refresh_interval{3600};
  std::optional<ip_address> external_ip;
  std::optional<ip_address> external_ipv6;
  std::vector<std::string> ip_lookup_services{"http://ipv4.seriyps.com/", "http://v4.ident.me/",
                                              "http://ipv4.icanhazip.com/",
                                              "https://digitalresistance.dog/myIp"};
  /// Set by the operator: asked even if our own address looks public.
  bool ip_lookup_always = false;
  bool prefer_ipv6 = false;
  /// Local addresses of connections to Telegram and to backs.
  std::optional<ip_address> bind_address;
  std::optional<ip_address> bind_address_v6;
  std::size_t init_dc_connections = 2;
  std::size_t clients_per_dc_connection = 300;
  std::size_t downstream_socket_buffer_size = 512000;
  backpressure_settings downstream_backpressure;
  client_health_settings upstream_healthchecks{.qlen = std::nullopt,
                                               .total_mem = std::size_t{8} * 1024 * 1024};
  bool full_check_crc32 = true;
  std::chrono::seconds dc_wait_timeout{10};
  std::chrono::seconds dc_ping_interval{30};
  std::chrono::seconds dc_stall_timeout{5};
  /// A connection above `init_dc_connections` without clients for this long is closed.
  std::chrono::seconds dc_idle_timeout{300};
  friend bool operator==(const uplink_config&, const uplink_config&) = default;
};

/// What joins a front and its backs.
struct link_config {
  /// This node's name; with certificates, the name in its own.
  std::string node_name;
  /// Of a front, in order of preference.
  std::vector<back_address> back_nodes;
  back_choice back_nodes_policy = back_choice::failover;
  node_link_settings node_link;
  friend bool operator==(const link_config&, const link_config&) = default;
};

/// What an operator can set, by the room that needs it.
struct settings {
  process_config process;
  client_config client;
  uplink_config uplink;
  link_config link;

  /// Whether this node has clients, and whether it speaks to Telegram.
  [[nodiscard]] bool is_front() const noexcept { return process.role != node_role::back; }
  [[nodiscard]] bool is_back() const noexcept { return process.role != node_role::front; }
  /// Whether streams go through link agents.
  [[nodiscard]] bool has_link() const noexcept {
    return process.role != node_role::both || process.through_link_agents;
  }

  friend bool operator==(const settings&, const settings&) = default;
};

/// Where a port listens: "1.2.3.4:443", "[2001:db8::1]:443" or "unix:/path".
[[nodiscard]] std::string listen_text(const port_settings& port);
[[nodiscard]] std::string_view to_string(protocol value) noexcept;
[[nodiscard]] std::string_view to_string(node_role role) noexcept;
/// `name@host:port`; an IPv6 address has brackets.
[[nodiscard]] std::string to_string(const back_address& at);

}  // namespace mtp::config
