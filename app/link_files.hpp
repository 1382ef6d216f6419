// Certificate, key and CA of the node link, before a start.
#pragma once

#include <vector>

#include "config/settings_file.hpp"

namespace mtp::app {

struct link_files_report {
  /// Why the link can't be had.
  std::vector<config::config_problem> problems;
  std::vector<config::config_problem> warnings;
};
/// Looks at certificate, key and CA of the link, as a start does.
[[nodiscard]] link_files_report check_link_files(const config::settings& settings);

}  // namespace mtp::app
