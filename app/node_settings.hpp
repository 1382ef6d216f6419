// The part of the configuration file that is about front and back nodes: which role this one has,
// where the others are, and what a role has no use for. doc/config.md, "Nodes".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "actors/settings.hpp"
#include "app/settings_file.hpp"

namespace mtp::app {

class toml_reader;

/// Reads role, name, backs and link, and reports what does not go with the role. `beside_file`
/// makes a path of one that may be relative to the file.
void read_nodes(toml_reader& in, const std::function<std::string(const std::string&)>& beside_file,
                actors::settings& out);

struct link_files_report {
  /// Why the link can't be had.
  std::vector<config_problem> problems;
  std::vector<config_problem> warnings;
};
/// Looks at certificate, key and CA of the link, as a start does.
[[nodiscard]] link_files_report check_link_files(const actors::settings& settings);

}  // namespace mtp::app
