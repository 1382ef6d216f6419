// What a port's listeners and client handlers count.
#pragma once

#include "actors/core/metrics.hpp"
#include "codecs/telegram/dc_list.hpp"

namespace mtp::actors {

/// States of a connection's idle timer, as the original names them.
enum class idle_state : std::uint8_t { init, hibernate, stop };

class client_metrics {
 public:
  client_metrics(metrics& in, std::string_view listener);

  counter in_connection;
  counter in_connection_closed;
  counter inactive_timeout;
  counter inactive_hibernate;
  counter received_bytes;
  counter sent_bytes;
  counter accept_paused;
  histogram session_lifetime;
  histogram send_duration;
  histogram read_size;
  histogram packet_size;

  // Rare ones are looked up when they happen.
  [[nodiscard]] counter timer_switch(idle_state from, idle_state to);
  [[nodiscard]] counter protocol_ok(std::string_view protocol);
  [[nodiscard]] counter protocol_error(std::string_view reason);
  [[nodiscard]] counter send_error(std::string_view reason);
  /// `result`: "ok", or why a client did not survive its DC connection.
  [[nodiscard]] counter migration(dc_id dc, std::string_view result);
  /// A client was closed because no DC connection could be had.
  [[nodiscard]] counter no_dc(dc_id dc, std::string_view reason);

 private:
  metrics* in_;
  std::string listener_;
};

}  // namespace mtp::actors
