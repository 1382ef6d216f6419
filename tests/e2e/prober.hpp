// A censor's active prober: it sends what is no client's, and writes down all that a censor could
// see of the answer.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "codecs/base/bytes.hpp"

namespace mtp::test {

/// Steps of a probe. All bytes of `send` are sent before the next step.
struct send_bytes {
  bytes data;
};
/// Goes on when nothing has come for so long, or at the end of the connection.
struct wait_for_silence {
  std::chrono::milliseconds quiet;
};
struct half_close {};
struct reset_connection {};
using probe_step = std::variant<send_bytes, wait_for_silence, half_close, reset_connection>;

struct probe {
  std::string name;
  std::vector<probe_step> steps;
};

/// What came back, in order. Equal for two servers that can't be told apart, their pace aside.
struct observation {
  /// A TLS record each, with its version and size, and what an alert says; or the bytes of a server
  /// that speaks no TLS, without the time of HTTP's Date. Between them the steps that waited, as
  /// far as the probe got. Last the end: "FIN", "RST" or "open"; and what became of a byte that was
  /// sent behind a FIN: a server may have closed its side only.
  std::vector<std::string> events;
  /// Since the first step, if it has come.
  std::optional<std::chrono::duration<double, std::milli>> first_byte;
  std::optional<std::chrono::duration<double, std::milli>> end;
};

/// Probes 127.0.0.1: the first probe at the first of `ports`, and so on in turn. At most `at_once`
/// connections to a port are open at a time. One that is silent for `quiet` after its last step is
/// written down as open. Throws `std::runtime_error` if there is no connection.
[[nodiscard]] std::vector<observation> run_probes(std::span<const probe> probes,
                                                  std::span<const std::uint16_t> ports,
                                                  std::size_t at_once,
                                                  std::chrono::milliseconds quiet);

/// `received` as `observation` tells of it.
[[nodiscard]] std::vector<std::string> describe_received(byte_view received);

}  // namespace mtp::test
