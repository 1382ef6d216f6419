#include "actors/uplink/middle/dc_conn_metrics.hpp"

namespace mtp::actors {

dc_conn::metric_set::metric_set(metrics& in, dc_id dc) : in_{&in}, dc_{std::to_string(dc)} {
  const metric_labels by_dc{{"dc_id", dc_}};
  received_bytes = in.get_counter("mtproto_proxy_received_downstream_bytes",
                                  "Bytes transmitted from downstream socket", by_dc);
  sent_bytes = in.get_counter("mtproto_proxy_sent_downstream_bytes",
                              "Bytes sent to downstream socket", by_dc);
  connect_ok = in.get_counter("mtproto_proxy_out_connect_ok_total", "Proxy out connections", by_dc);
  stalled = in.get_counter("mtproto_proxy_dc_stalled_total",
                           "DC connections replaced because Telegram did not answer", by_dc);
  behind = in.get_counter("mtproto_proxy_down_backpressure_behind_total",
                          "Clients counted apart because they took nothing for a while", by_dc);
  read_size = tracker_packet_size(in, "downstream");
  packet_size = tg_packet_size(in, "downstream_to_upstream");
  send_duration = in.get_histogram("mtproto_proxy_downstream_send_duration_seconds",
                                   "Duration of tcp send calls to downstream", duration_buckets(),
                                   {{"dc", dc_}});
  pause_duration = in.get_histogram(
      "mtproto_proxy_down_backpressure_passive_duration_seconds",
      "How long downstream socket stayed passive due to backpressure",
      {.bounds = {10'000'000, 50'000'000, 250'000'000, 1'000'000'000, 8'000'000'000}, .scale = 1e9},
      by_dc);
}

counter dc_conn::metric_set::down_backpressure(std::string_view state) {
  return in_->get_counter("mtproto_proxy_down_backpressure_total",
                          "Times downstream backpressure state was changed",
                          {{"dc_id", dc_}, {"state", std::string{state}}});
}

counter dc_conn::metric_set::healthcheck(std::string_view action) {
  return actors::healthcheck(*in_, action);
}

counter dc_conn::metric_set::connect_error(std::string_view reason) {
  return out_connect_error(*in_, dc_, reason);
}

}  // namespace mtp::actors
