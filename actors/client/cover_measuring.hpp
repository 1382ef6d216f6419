// Measuring a cover site: a probe, and what it answers. Blocking: not for reactors.
#pragma once

#include <atomic>
#include <string>

#include "actors/client/cover_target.hpp"
#include "codecs/client/cover_probe.hpp"
#include "codecs/client/server_flight_reader.hpp"

namespace mtp::actors {

struct measured_flight {
  /// Of kind `none` if the site could not be reached, or has said nothing.
  observed_flight flight;
  /// Why, for the operator; or empty.
  std::string trouble;
};

/// For the site's answer to begin, once it is reached.
inline constexpr std::chrono::seconds cover_answer_time{10};

/// Sends the probe, and reads until the site is silent (for 300 ms, on slow ways up to 2 s), has
/// finished, or has said enough. `cancelled` ends it within 100 ms.
[[nodiscard]] measured_flight measure_flight(const cover_target& site, const cover_probe& probe,
                                             const std::atomic<bool>& cancelled);

}  // namespace mtp::actors
