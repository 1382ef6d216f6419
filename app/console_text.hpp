// The inspector's reports as text for people.
#pragma once

#include <string>

#include "actors/ops/inspector.hpp"

namespace mtp::app {

[[nodiscard]] std::string to_text(const actors::tree_report& report);
[[nodiscard]] std::string to_text(const actors::pools_report& report);
[[nodiscard]] std::string to_text(const actors::conns_report& report);
[[nodiscard]] std::string to_text(const actors::clients_report& report);
[[nodiscard]] std::string to_text(const actors::hellos_report& report);
/// Counters that are not zero and histograms with values, by name.
[[nodiscard]] std::string to_text(const actors::counts_report& report);

[[nodiscard]] std::string to_text(const actors::nodes_report& report);

/// "42s", "3m05s", "2h03m", "5d07h".
[[nodiscard]] std::string describe_age(std::chrono::seconds age);
/// "512 B", "1.5 KiB", "3.0 MiB", ...
[[nodiscard]] std::string describe_size(std::uint64_t bytes);

}  // namespace mtp::app
