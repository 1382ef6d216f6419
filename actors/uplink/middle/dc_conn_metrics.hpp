// The metrics of a dc_conn. In a header, so that its source files share them.
#pragma once

#include "actors/core/metric_names.hpp"
#include "actors/uplink/middle/dc_conn.hpp"

namespace mtp::actors {

struct dc_conn::metric_set {
  metric_set(metrics& in, dc_id dc);

  counter down_backpressure(std::string_view state);
  counter healthcheck(std::string_view action);
  counter connect_error(std::string_view reason);

  counter received_bytes;
  counter sent_bytes;
  counter connect_ok;
  counter stalled;
  counter behind;
  histogram read_size;
  histogram packet_size;
  histogram send_duration;
  histogram pause_duration;

 private:
  metrics* in_;
  std::string dc_;
};

}  // namespace mtp::actors
