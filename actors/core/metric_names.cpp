#include "actors/core/metric_names.hpp"

#include <algorithm>
#include <cctype>
#include <cstring>

namespace mtp::actors {

histogram_spec packet_size_buckets() {
  histogram_spec spec;
  for (std::uint64_t bound = 8; spec.bounds.size() < 8; bound *= 4)
    spec.bounds.push_back(bound);
  return spec;
}

histogram_spec duration_buckets() {
  return {.bounds = {100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000, 10'000'000'000},
          .scale = 1e9};
}

histogram tracker_packet_size(metrics& in, std::string_view direction) {
  return in.get_histogram("mtproto_proxy_tracker_packet_size_bytes", "Received packet size",
                          packet_size_buckets(), {{"direction", std::string{direction}}});
}

histogram tg_packet_size(metrics& in, std::string_view direction) {
  return in.get_histogram("mtproto_proxy_tg_packet_size_bytes",
                          "Proxied telegram protocol packet size", packet_size_buckets(),
                          {{"direction", std::string{direction}}});
}

counter out_connect_error(metrics& in, std::string_view dc, std::string_view reason) {
  return in.get_counter("mtproto_proxy_out_connect_error_total", "Proxy out connect errors",
                        {{"dc_id", std::string{dc}}, {"reason", std::string{reason}}});
}

counter healthcheck(metrics& in, std::string_view action) {
  return in.get_counter("mtproto_proxy_healthcheck_total",
                        "Upstream self-healthcheck triggered some action",
                        {{"action", std::string{action}}});
}

std::string errno_label(int error) {
  const char* const known = strerrorname_np(error);
  std::string label = known != nullptr ? known : "error_" + std::to_string(error);
  std::ranges::transform(label, label.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return label;
}

}  // namespace mtp::actors
