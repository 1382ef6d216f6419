#include "actors/client/client_metrics.hpp"

#include <cstdlib>

#include "actors/core/metric_names.hpp"

namespace mtp::actors {

namespace {

std::string_view name_of(idle_state state) noexcept {
  switch (state) {
    case idle_state::init:
      return "init";
    case idle_state::hibernate:
      return "hibernate";
    case idle_state::stop:
      return "stop";
  }
  return {};
}

histogram_spec lifetime_buckets() {
  histogram_spec spec{.bounds = {}, .scale = 1e9};
  for (const std::uint64_t ms :
       {200U, 500U, 1000U, 5000U, 10000U, 30000U, 60000U, 150000U, 300000U, 600000U, 1200000U})
    spec.bounds.push_back(ms * 1'000'000);
  return spec;
}

/// Of clients' clocks.
histogram_spec skew_buckets() {
  return {.bounds = {1, 5, 15, 30, 60, 120, 300, 600, 3600, 86400}, .scale = 1};
}

/// A client may write any number in its header: only those that Telegram gives to DCs get a label
/// of their own.
std::string dc_label(dc_id dc) {
  constexpr int most_dcs = 10;
  constexpr int cdn = 203;
  const int number = std::abs(dc);
  return number <= most_dcs || number == cdn ? std::to_string(dc) : "other";
}

}  // namespace

std::string_view protocol_name(framing kind, bool tls) noexcept {
  return tls ? "mtp_secure_fake_tls" : to_string(kind);
}

client_metrics::client_metrics(metrics& in, std::string_view listener)
    : in_{&in}, listener_{listener} {
  const metric_labels mine{{"listener", listener_}};
  in_connection =
      in.get_counter("mtproto_proxy_in_connection_total", "MTP incoming connection", mine);
  in_connection_closed = in.get_counter("mtproto_proxy_in_connection_closed_total",
                                        "MTP incoming connection closed", mine);
  inactive_timeout = in.get_counter("mtproto_proxy_inactive_timeout_total",
                                    "Connection closed by timeout because of no activity", mine);
  inactive_hibernate =
      in.get_counter("mtproto_proxy_inactive_hibernate_total",
                     "Connection goes to hibernate by timeout because of no activity", mine);
  received_bytes = in.get_counter("mtproto_proxy_received_upstream_bytes",
                                  "Bytes transmitted from upstream socket", mine);
  sent_bytes =
      in.get_counter("mtproto_proxy_sent_upstream_bytes", "Bytes sent to upstream socket", mine);
  accept_paused =
      in.get_counter("mtproto_proxy_accept_paused_total",
                     "Times accepting paused: out of descriptors, or at max_connections", mine);
  fronted_to_site = in.get_counter("mtproto_proxy_fronted_bytes_total",
                                   "Bytes carried between connections and cover sites",
                                   {{"listener", listener_}, {"direction", "to_site"}});
  fronted_to_visitor = in.get_counter("mtproto_proxy_fronted_bytes_total",
                                      "Bytes carried between connections and cover sites",
                                      {{"listener", listener_}, {"direction", "to_client"}});
  boot_clock = in.get_counter("mtproto_proxy_tls_boot_clock_total",
                              "ClientHellos of clients whose clock counts from their start", mine);
  const auto skew = [&](const char* direction) {
    return in.get_histogram("mtproto_proxy_tls_clock_skew_seconds",
                            "How far the clocks of clients with fake-TLS are off", skew_buckets(),
                            {{"listener", listener_}, {"direction", direction}});
  };
  clock_ahead = skew("ahead");
  clock_behind = skew("behind");
  session_lifetime = in.get_histogram("mtproto_proxy_session_lifetime_seconds",
                                      "Time from in connection open to session process termination",
                                      lifetime_buckets(), mine);
  send_duration =
      in.get_histogram("mtproto_proxy_upstream_send_duration_seconds",
                       "Duration of tcp send calls to upstream", duration_buckets(), mine);
  read_size = tracker_packet_size(in, "upstream");
  packet_size = tg_packet_size(in, "upstream_to_downstream");
  for (const auto& [from, to] : {std::pair{idle_state::init, idle_state::hibernate},
                                 {idle_state::hibernate, idle_state::stop},
                                 {idle_state::stop, idle_state::hibernate}})
    timer_switch(from, to) =
        in.get_counter("mtproto_proxy_timer_switch_total", "Connection timeout mode switches",
                       {{"listener", listener_},
                        {"from", std::string{name_of(from)}},
                        {"to", std::string{name_of(to)}}});
  const auto count_protocol = [&](std::string_view protocol) {
    return in.get_counter("mtproto_proxy_protocol_ok_total", "Proxy upstream protocol type",
                          {{"listener", listener_}, {"protocol", std::string{protocol}}});
  };
  for (const auto kind : {framing::abridged, framing::intermediate, framing::padded})
    protocol_ok(kind, false) = count_protocol(protocol_name(kind, false));
  protocol_ok_tls_ = count_protocol(protocol_name(framing::padded, true));
}

void client_metrics::observe_skew(std::int64_t ahead) noexcept {
  auto& side = ahead < 0 ? clock_behind : clock_ahead;
  side.observe(static_cast<std::uint64_t>(std::abs(ahead)));
}

counter& client_metrics::timer_switch(idle_state from, idle_state to) noexcept {
  return timer_switch_[static_cast<std::size_t>(from)][static_cast<std::size_t>(to)];
}

counter& client_metrics::protocol_ok(framing kind, bool tls) noexcept {
  return tls ? protocol_ok_tls_ : protocol_ok_[static_cast<std::size_t>(kind)];
}

counter client_metrics::protocol_error(std::string_view reason) {
  return in_->get_counter("mtproto_proxy_protocol_error_total", "Proxy protocol errors",
                          {{"listener", listener_}, {"reason", std::string{reason}}});
}

counter client_metrics::fronted(std::string_view reason) {
  return in_->get_counter("mtproto_proxy_fronted_total", "Connections forwarded to a cover site",
                          {{"listener", listener_}, {"reason", std::string{reason}}});
}

counter client_metrics::fronting_failed(std::string_view reason) {
  return in_->get_counter("mtproto_proxy_fronting_failed_total",
                          "Connections whose cover site could not be reached",
                          {{"listener", listener_}, {"reason", std::string{reason}}});
}

counter client_metrics::send_error(std::string_view reason) {
  return in_->get_counter("mtproto_proxy_upstream_send_error_total",
                          "Count of tcp send errors to upstream",
                          {{"listener", listener_}, {"reason", std::string{reason}}});
}

counter client_metrics::migration(dc_id dc, std::string_view result) {
  return in_->get_counter(
      "mtproto_proxy_downstream_migration_total",
      "Count of client migrations to a new downstream connection",
      {{"listener", listener_}, {"dc_id", dc_label(dc)}, {"result", std::string{result}}});
}

counter client_metrics::no_dc(dc_id dc, std::string_view reason) {
  return in_->get_counter(
      "mtproto_proxy_no_dc_total", "Clients closed because no DC connection could be had",
      {{"listener", listener_}, {"dc_id", dc_label(dc)}, {"reason", std::string{reason}}});
}

}  // namespace mtp::actors
