// The metrics of a port: what its listeners and client_conns count.
#pragma once

#include <array>

#include "actors/core/metrics.hpp"
#include "codecs/client/framing.hpp"
#include "codecs/telegram/dc_list.hpp"

namespace mtp::actors {

/// States of a connection's idle timer, as the original names them.
enum class idle_state : std::uint8_t { init, hibernate, stop };

/// As metrics and the console name a client's protocol.
[[nodiscard]] std::string_view protocol_name(framing kind, bool tls) noexcept;

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
  counter fronted_to_site;
  counter fronted_to_visitor;
  counter boot_clock;
  histogram session_lifetime;
  histogram send_duration;
  histogram read_size;
  histogram packet_size;
  histogram clock_ahead;
  histogram clock_behind;

  /// How far the clock in a hello is ahead of ours, in seconds.
  void observe_skew(std::int64_t ahead) noexcept;
  [[nodiscard]] counter& timer_switch(idle_state from, idle_state to) noexcept;
  [[nodiscard]] counter& protocol_ok(framing kind, bool tls) noexcept;

  // Rare events: their counters are looked up when they happen.
  [[nodiscard]] counter protocol_error(std::string_view reason);
  /// A connection was forwarded to a cover site; the reason is that of `protocol_error`.
  [[nodiscard]] counter fronted(std::string_view reason);
  /// A cover site could not be reached.
  [[nodiscard]] counter fronting_failed(std::string_view reason);
  [[nodiscard]] counter send_error(std::string_view reason);
  /// `result`: "ok", or why a client did not survive its DC connection.
  [[nodiscard]] counter migration(dc_id dc, std::string_view result);
  /// A client was closed because there was no DC connection for it.
  [[nodiscard]] counter no_dc(dc_id dc, std::string_view reason);

 private:
  static constexpr std::size_t idle_states = 3;
  static constexpr std::size_t framings = 3;

  metrics* in_;
  std::string listener_;
  std::array<std::array<counter, idle_states>, idle_states> timer_switch_;
  std::array<counter, framings> protocol_ok_;
  counter protocol_ok_tls_;
};

}  // namespace mtp::actors
