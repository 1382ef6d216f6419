// The option table: clients.
#include <algorithm>

#include "config/option_table.hpp"
#include "config/option_values.hpp"

namespace mtp::config {

namespace {

using of = values<settings>;

std::vector<option> door_options() {
  return {
      {.key = "listen_ip",
       .value = of::text(at(&settings::client, &client_config::listen_ip), any_address),
       .roles = with_clients,
       .applies = change_time::live,
       .example = "\"::\"",
       .line =
           "The address that ports listen on, unless a port has its own. `\"::\"` takes IPv4 too."},
      {.key = "ports",
       .shape = option_shape::ports,
       .shown_default = "required, but refused on a back",
       .roles = with_clients,
       .elsewhere = {.refused = true,
                     .text = "a back has no clients: remove it here, or set node_role = \"both\""},
       .applies = change_time::live,
       .line = "See [Ports](#ports). Clients of a port that is gone may stay for "
               "`drain_timeout_sec`."},
      {.key = "max_connections",
       .value = of::whole(at(&settings::client, &client_config::max_connections), {.least = 1}),
       .unit = "clients per port",
       .roles = with_clients,
       .applies = change_time::live,
       .line = "The most clients of a port at a time; others wait in the kernel's queue. "
               "Connections that have not yet shown that they know the secret get at most three "
               "quarters of the places, and give way to new ones. Lowered, with a warning, if the "
               "process may not open so many files."},
      {.key = "allowed_protocols",
       .value = of::list(at(&settings::client, &client_config::allowed_protocols), protocol_text,
                         "expected at least one protocol"),
       .shown_default = "all four",
       .roles = with_clients,
       .applies = change_time::new_connections,
       .example = R"(["mtp_fake_tls", "mtp_secure"])",
       .line = "`mtp_fake_tls` (`ee` secrets) and `mtp_secure` (`dd`) look like nothing in "
               "particular to an observer; `mtp_abridged` and `mtp_intermediate` are recognised by "
               "some censors. A client with another protocol is closed. A port may have its own "
               "list."},
      {.key = "tls_clock_window_sec",
       .value = of::duration(
           at(&settings::client, &client_config::hello_clock, &hello_clock_settings::window),
           {.least = 10, .most = 3600}),
       .unit = "s",
       .roles = with_clients,
       .applies = change_time::new_connections,
       .original = false,
       .line =
           "How far the clock in a client's ClientHello may be off, either way: an old hello is "
           "a recorded one. If our own clock is more than 30 s off, the right time counts, as "
           "Telegram's server or the back tells it."},
      {.key = "ignore_time_skew",
       .value = of::boolean(
           at(&settings::client, &client_config::hello_clock, &hello_clock_settings::ignore_skew)),
       .roles = with_clients,
       .applies = change_time::new_connections,
       .original = false,
       .line = "Let in clients whose clock is wrong. Recorded hellos are still refused while they "
               "are remembered, 7 days at most."},
      {.key = "tls_boot_clock",
       .value = of::boolean(
           at(&settings::client, &client_config::hello_clock, &hello_clock_settings::boot_clock)),
       .roles = with_clients,
       .applies = change_time::new_connections,
       .original = false,
       .line =
           "Let in clients whose clock counts from the start of their machine, up to 7 days, as "
           "that of some devices without a battery does."},
      {.key = "per_sni_secrets",
       .value = of::boolean(at(&settings::client, &client_config::per_sni_secrets)),
       .roles = with_clients,
       .applies = change_time::new_connections,
       .line = "Every fake-TLS domain has a secret of its own, derived from the port's secret, the "
               "salt and the domain. Links with the port's own secret stop working for fake-TLS."},
      {.key = "per_sni_secret_salt",
       .value = of::text(at(&settings::client, &client_config::per_sni_secret_salt), some_text),
       .roles = with_clients,
       .applies = change_time::new_connections,
       .secret = true,
       .example = "\"a salt of your own\"",
       .line = "Those secrets are derived from it: keep it secret, and keep a copy. The default is "
               "public, so there is a warning. [How](wire/secrets.md)"},
      {.key = "init_timeout_sec",
       .value = of::duration(at(&settings::client, &client_config::init_timeout)),
       .unit = "s",
       .roles = with_clients,
       .applies = change_time::new_connections,
       .line = "A client that has not finished its handshake in this time is closed."},
      {.key = "hibernate_timeout_sec",
       .value = of::duration(at(&settings::client, &client_config::hibernate_timeout)),
       .unit = "s",
       .roles = with_clients,
       .applies = change_time::live,
       .line = "Accepted for compatibility: idle clients hold no buffers here, so nothing is given "
               "back after this time. Only the metrics of idle clients count it. A value above "
               "`ready_timeout_sec` delays the closing of idle clients."},
      {.key = "ready_timeout_sec",
       .value = of::duration(at(&settings::client, &client_config::ready_timeout)),
       .unit = "s",
       .roles = with_clients,
       .applies = change_time::live,
       .line = "A client is closed when nothing has passed in either direction for this long."},
      {.key = "drain_timeout_sec",
       .value = of::duration(at(&settings::client, &client_config::drain_timeout), {.least = 0}),
       .unit = "s",
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .line = "How long clients may stay when a reload has removed their port, or changed its "
               "secret or tag; and how long busy ones may use a back that is no longer in "
               "`back_nodes`. 0: until they leave."},
      {.key = "reset_close_socket",
       .value = of::word(at(&settings::client, &client_config::reset_close_socket),
                         {{"off", reset_close::off},
                          {"handshake_error", reset_close::handshake_error},
                          {"always", reset_close::always}}),
       .roles = with_clients,
       .applies = change_time::live,
       .line = "Which clients are closed with a TCP reset. `\"off\"`: none. `\"handshake_error\"`: "
               "those that do not finish their handshake (wrong secret, forbidden protocol, "
               "replay, time-out), unless they get a TLS alert. `\"always\"`: all."},
  };
}

std::vector<option> replay_options() {
  return {
      {.key = "replay_check_server_error_filter",
       .value = of::word(at(&settings::client, &client_config::server_error_filter),
                         {{"auto", error_filter::automatic},
                          {"first", error_filter::first},
                          {"on", error_filter::on},
                          {"off", error_filter::off}}),
       .roles = with_clients,
       .applies = change_time::new_connections,
       .line = "When Telegram's error -404 is kept from a client, so that a prober that replays a "
               "handshake learns nothing. `\"first\"`: as the first packet. `\"on\"`: always. "
               "`\"off\"`: never. A client whose keys have expired needs it to make new ones. So "
               "`\"auto\"` acts only while `replay_check_session_storage` is off: as `\"first\"`, "
               "and the client is closed."},
      {.key = "replay_check_session_storage",
       .value = of::boolean(at(&settings::client, &client_config::replay_check_session_storage)),
       .roles = with_clients,
       .applies = change_time::new_connections,
       .line = "Refuse a handshake that was seen before."},
      {.key = "replay_check_persist",
       .value = of::boolean(at(&settings::client, &client_config::replay_check_persist)),
       .roles = with_clients,
       .applies = change_time::live,
       .original = false,
       .line = "Handshakes are remembered over a restart too, in the file `seen-handshakes` in "
               "`state_dir`; after a crash all but those of the last second. A file of "
               "fingerprints: without the secrets of the ports they say nothing about recorded "
               "connections. `\"off\"`: the file is removed. "
               "[How](data-path.md#remembered-handshakes)"},
      {.key = "replay_share",
       .value = of::boolean(at(&settings::client, &client_config::replay_share)),
       .roles = only_front,
       .elsewhere = {.text = "has no effect on a node of this role: fronts share handshakes"},
       .applies = change_time::live,
       .original = false,
       .line = "Front: fronts with this option that have a back in common refuse a handshake that "
               "another of these fronts has seen, within a second while there are fewer than 4000 "
               "a second. What "
               "others have seen takes at most half as much memory again. "
               "[How](data-path.md#handshakes-of-other-fronts)"},
      {.key = "replay_check_session_storage_opts",
       .shape = option_shape::table,
       .roles = with_clients,
       .applies = change_time::live,
       .line = "How many handshakes are remembered."},
      {.table = "replay_check_session_storage_opts",
       .key = "max_items",
       .value = of::whole(
           at(&settings::client, &client_config::replay_cache, &replay_cache_settings::max_items),
           {.least = 1}),
       .roles = with_clients,
       .applies = change_time::live,
       .line = "How many handshakes are remembered. Once a minute the oldest above this number are "
               "forgotten."},
      {.table = "replay_check_session_storage_opts",
       .key = "max_memory_mb",
       .value = of::whole(at(&settings::client, &client_config::replay_cache,
                             &replay_cache_settings::max_memory_mb),
                          {.least = 1, .most = 1 << 20}),
       .shown_default = "an eighth of `memory_budget_mb`, at most 512",
       .unit = "MiB",
       .roles = with_clients,
       .applies = change_time::live,
       .line = "How much memory they may take; never more than a quarter of `memory_budget_mb`."},
      {.table = "replay_check_session_storage_opts",
       .key = "max_age_minutes",
       .value = of::duration(
           at(&settings::client, &client_config::replay_cache, &replay_cache_settings::max_age)),
       .unit = "min",
       .roles = with_clients,
       .applies = change_time::live,
       .line =
           "How long the handshake of a client without fake-TLS is remembered after it was last "
           "seen. A ClientHello is remembered for 7 days at least."},
  };
}

std::vector<option> sending_options() {
  return {
      {.key = "upstream_socket_buffer_size",
       .value = of::whole(at(&settings::client, &client_config::upstream_socket_buffer_size),
                          {.least = 512, .most = 16 << 20}),
       .unit = "bytes",
       .roles = with_clients,
       .applies = change_time::live,
       .line = "The most that one read from a client takes."},
      {.key = "upstream_send_timeout_ms",
       .value =
           of::duration(at(&settings::client, &client_config::upstream_send_timeout), {.least = 0}),
       .unit = "ms",
       .roles = with_clients,
       .applies = change_time::live,
       .line = "A client is closed when bytes wait for it in the proxy and it has taken none for "
               "this long; 0: never. Bytes that the kernel has taken do not count: they may stay "
               "unacknowledged for 4 minutes, and so may keep-alive probes."},
      {.key = "upstream_healthchecks",
       .shape = option_shape::table,
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "Limits for clients that do not read."},
      {.table = "upstream_healthchecks",
       .key = "qlen",
       .value = of::whole(at(&settings::uplink, &uplink_config::upstream_healthchecks,
                             &client_health_settings::qlen),
                          {.least = 1}),
       .shown_default = "none",
       .unit = "packets",
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "A client is closed when more packets than this wait for it."},
      {.table = "upstream_healthchecks",
       .key = "total_mem",
       .value = of::whole(at(&settings::uplink, &uplink_config::upstream_healthchecks,
                             &client_health_settings::total_mem),
                          {.least = 1024}),
       .unit = "bytes",
       .roles = with_telegram,
       .applies = change_time::live,
       .line = "A client is closed when more bytes than this wait for it; each packet counts as "
               "128 bytes more. If the file has this table, only the limits in it are checked. "
               "Without this limit, a client that does not read stops its DC connection (see "
               "`downstream_backpressure`)."},
  };
}

}  // namespace

option_group client_options() {
  option_group group{.name = "clients", .options = door_options()};
  std::ranges::move(replay_options(), std::back_inserter(group.options));
  std::ranges::move(sending_options(), std::back_inserter(group.options));
  return group;
}

}  // namespace mtp::config
