// The metrics of the original that several actors count, by its names in Prometheus spelling.
#pragma once

#include "actors/core/metrics.hpp"

namespace mtp::actors {

/// 8, 32, 128, ... 131072 bytes, as the original's {exponential, 8, 4, 8}.
[[nodiscard]] histogram_spec packet_size_buckets();
/// 100 us to 10 s.
[[nodiscard]] histogram_spec duration_buckets();

/// Bytes per read, by direction: "upstream" is from clients, "downstream" from Telegram.
[[nodiscard]] histogram tracker_packet_size(metrics& in, std::string_view direction);
/// Bytes per Telegram packet: "upstream_to_downstream" or "downstream_to_upstream".
[[nodiscard]] histogram tg_packet_size(metrics& in, std::string_view direction);
/// Attempts to connect to a DC that came to nothing.
[[nodiscard]] counter out_connect_error(metrics& in, std::string_view dc, std::string_view reason);

/// Clients closed because too much waits for them, by the bound that was exceeded.
[[nodiscard]] counter healthcheck(metrics& in, std::string_view action);

/// errno as a lower-case name: "econnrefused".
[[nodiscard]] std::string errno_label(int error);

}  // namespace mtp::actors
