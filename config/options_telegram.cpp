// The option table: Telegram, and the connections to it.
#include <algorithm>

#include "config/option_table.hpp"
#include "config/option_values.hpp"

namespace mtp::config {

namespace {

using of = values<settings>;

/// Absent: the built-in ones. A list of one's own is asked even if our own address looks public.
constexpr auto own_lookup_services =
    computed{[](const settings& from) {
               return from.uplink.ip_lookup_always ? std::optional{from.uplink.ip_lookup_services}
                                                   : std::nullopt;
             },
             [](settings& into, std::vector<std::string> urls) {
               into.uplink.ip_lookup_services = std::move(urls);
               into.uplink.ip_lookup_always = true;
             }};

std::vector<option> configuration_options() {
  return {
      {.key = "proxy_secret_url",
       .value = of::text(at(&settings::uplink, &uplink_config::proxy_secret_url), url),
       .roles = with_telegram,
       .applies = change_time::live,
       .example = "\"http://192.0.2.1/secret\"",
       .line = "Where to fetch the secret that the proxy shares with Telegram's middle proxies."},
      {.key = "proxy_config_url",
       .value = of::text(at(&settings::uplink, &uplink_config::proxy_config_url), url),
       .roles = with_telegram,
       .applies = change_time::live,
       .example = "\"http://192.0.2.1/config\"",
       .line = "Where to fetch the list of middle proxies with IPv4 addresses."},
      {.key = "proxy_config_v6_url",
       .value = of::text(at(&settings::uplink, &uplink_config::proxy_config_v6_url), url_or_none),
       .roles = with_telegram,
       .applies = change_time::live,
       .original = false,
       .example = "\"\"",
       .line = "Where to fetch the list with IPv6 addresses. `\"\"`: nowhere, which is the default "
               "if `proxy_config_url` is set."},
      {.key = "core_api_http_timeout_ms",
       .value = of::duration(at(&settings::uplink, &uplink_config::core_api_http_timeout),
                             {.least = 100, .most = 600'000}),
       .unit = "ms",
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "How long one of these URLs may take to answer."},
      {.key = "conf_refresh_interval",
       .value = of::duration(at(&settings::uplink, &uplink_config::conf_refresh_interval)),
       .unit = "s",
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "How often they are fetched. After a failure the next attempt comes sooner: after "
               "10 s, doubling up to this. While a DC can't be reached, or when a connection was "
               "lost during its handshake, they are fetched a minute after the last time."},
  };
}

std::vector<option> address_options() {
  return {
      {.key = "external_ip",
       .value = of::text(at(&settings::uplink, &uplink_config::external_ip), ipv4_address),
       .applies = change_time::new_connections,
       .example = "\"203.0.113.1\"",
       .line = "Our IPv4 address as Telegram sees it; the keys depend on it. Needed behind NAT if "
               "no look-up service can be asked. Share links show it as the server; on a front "
               "that is its only use."},
      {.key = "external_ipv6",
       .value = of::text(at(&settings::uplink, &uplink_config::external_ipv6), ipv6_address),
       .applies = change_time::new_connections,
       .original = false,
       .example = "\"2001:db8::1\"",
       .line = "The same for IPv6, and for share links of a port that listens on `\"::\"`. No "
               "service is asked for it."},
      {.key = "ip_lookup_services",
       .value = of::list(own_lookup_services, url),
       .shown_default = "four services",
       .roles = with_telegram,
       .applies = change_time::live,
       .example = "[\"http://192.0.2.1/ip\"]",
       .line = "URLs that answer with our IPv4 address, asked in turn unless `external_ip` is set; "
               "never through an HTTP proxy, as connections to Telegram use none. The default list "
               "is asked only if this machine's own address is private, or when Telegram ends "
               "connections during their handshake: then the next service comes first, and this "
               "machine's own address takes a turn among them. A list of your own is always asked. "
               "`[]`: no service is asked."},
      {.key = "prefer_ipv6",
       .value = of::boolean(at(&settings::uplink, &uplink_config::prefer_ipv6)),
       .roles = with_telegram,
       .applies = change_time::new_connections,
       .original = false,
       .line = "Try middle proxies with IPv6 addresses first. In either case the other family is "
               "tried too if there is no connection after 250 ms."},
      {.key = "bind_address",
       .value = of::text(at(&settings::uplink, &uplink_config::bind_address), ipv4_address),
       .shown_default = "the system's choice",
       .applies = change_time::new_connections,
       .original = false,
       .example = "\"192.0.2.10\"",
       .line = "Local IPv4 address for connections to Telegram and, on a front, to its backs. "
               "Connections to backs ignore it with `node_link.transport = \"caf-openssl\"`."},
      {.key = "bind_address_v6",
       .value = of::text(at(&settings::uplink, &uplink_config::bind_address_v6), ipv6_address),
       .shown_default = "the system's choice",
       .applies = change_time::new_connections,
       .original = false,
       .example = "\"2001:db8::10\"",
       .line = "The same for IPv6."},
  };
}

std::vector<option> connection_options() {
  return {
      {.key = "init_dc_connections",
       .value = of::whole(at(&settings::uplink, &uplink_config::init_dc_connections),
                          {.least = 0, .most = 1000}),
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "How many connections to each DC are kept open."},
      {.key = "clients_per_dc_connection",
       .value = of::whole(at(&settings::uplink, &uplink_config::clients_per_dc_connection),
                          {.least = 1, .most = 1'000'000}),
       .unit = "clients",
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "When a connection has more clients than this, the pool of its DC opens two more; "
               "at one and a half times as many, up to ten."},
      {.key = "dc_idle_timeout_sec",
       .value = of::duration(at(&settings::uplink, &uplink_config::dc_idle_timeout)),
       .unit = "s",
       .roles = with_telegram,
       .applies = change_time::live,
       .original = false,
       .line = "A connection above `init_dc_connections` is closed when it has had no client for "
               "this long."},
      {.key = "downstream_socket_buffer_size",
       .value = of::whole(at(&settings::uplink, &uplink_config::downstream_socket_buffer_size),
                          {.least = 512, .most = 16 << 20}),
       .unit = "bytes",
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "The most that one read from Telegram takes."},
      {.key = "mtp_full_check_crc32",
       .value = of::boolean(at(&settings::uplink, &uplink_config::full_check_crc32)),
       .roles = with_telegram,
       .applies = change_time::new_connections,
       .line = "Check the checksums of messages from Telegram."},
      {.key = "dc_wait_timeout_sec",
       .value = of::duration(at(&settings::uplink, &uplink_config::dc_wait_timeout),
                             {.least = 1, .most = 3600}),
       .unit = "s",
       .applies = change_time::live,
       .original = false,
       .line = "How long a client waits for a DC that can't be reached before it is closed."},
      {.key = "dc_ping_interval_sec",
       .value = of::duration(at(&settings::uplink, &uplink_config::dc_ping_interval)),
       .unit = "s",
       .roles = with_telegram,
       .applies = change_time::live,
       .original = false,
       .line = "A connection to Telegram is pinged when it has been silent for this long."},
      {.key = "dc_stall_timeout_sec",
       .value = of::duration(at(&settings::uplink, &uplink_config::dc_stall_timeout),
                             {.least = 1, .most = 3600}),
       .unit = "s",
       .roles = with_telegram,
       .applies = change_time::live,
       .original = false,
       .line =
           "A connection that has not answered for this long is replaced, and its clients move."},
  };
}

std::vector<option> backpressure_options() {
  constexpr std::string_view table = "downstream_backpressure";
  using limits = backpressure_settings;
  return {
      {.key = table,
       .shape = option_shape::table,
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "When a DC connection is not read because its clients are slow."},
      {.table = table,
       .key = "bytes_total",
       .value = of::whole(
           at(&settings::uplink, &uplink_config::downstream_backpressure, &limits::bytes_total),
           {.least = 1025}),
       .shown_default = "30 KiB x `clients_per_dc_connection`",
       .unit = "bytes",
       .roles = with_telegram,
       .applies = change_time::live,
       .line =
           "When the clients of a DC connection have more bytes than this to take, the connection "
           "is not read until a quarter of the limit is free. Clients that have taken nothing for "
           "100 ms do not count if `upstream_healthchecks.total_mem` limits them; all of them "
           "together may have four times as much, then the one with most is closed."},
      {.table = table,
       .key = "packets_total",
       .value = of::whole(
           at(&settings::uplink, &uplink_config::downstream_backpressure, &limits::packets_total),
           {.least = 11}),
       .shown_default = "2 x `clients_per_dc_connection`",
       .unit = "packets",
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "The same in packets."},
      {.table = table,
       .key = "bytes_per_upstream",
       .value = of::whole(at(&settings::uplink, &uplink_config::downstream_backpressure,
                             &limits::bytes_per_upstream),
                          {.least = 1024}),
       .shown_default = "none",
       .unit = "bytes",
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "A limit like `bytes_total`, times the number of the connection's clients."},
      {.table = table,
       .key = "packets_per_upstream",
       .value = of::real(at(&settings::uplink, &uplink_config::downstream_backpressure,
                            &limits::packets_per_upstream),
                         1),
       .shown_default = "none",
       .unit = "packets",
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "The same in packets; fractions are allowed."},
  };
}

}  // namespace

option_group telegram_options() {
  option_group group{.name = "telegram", .options = configuration_options()};
  for (auto part : {address_options, connection_options, backpressure_options})
    std::ranges::move(part(), std::back_inserter(group.options));
  return group;
}

}  // namespace mtp::config
