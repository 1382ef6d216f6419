// Metrics in the text format of Prometheus.
#pragma once

#include <string>

#include "actors/core/metrics.hpp"

namespace mtp::app {

/// All of them, as they stand. Takes as long as the slowest gauge.
[[nodiscard]] std::string metrics_text(const actors::metrics& registry);

}  // namespace mtp::app
