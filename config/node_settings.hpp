// The part of the configuration file that is about front and back nodes: which role this one has,
// where the others are, and what a role has no use for. doc/config.md, "Nodes".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "config/settings.hpp"
#include "config/settings_file.hpp"

namespace mtp::config {

class toml_reader;

/// Reads role, name, backs and link, and reports what does not go with the role. `beside_file`
/// makes a path of one that may be relative to the file.
void read_nodes(toml_reader& in, const std::function<std::string(const std::string&)>& beside_file,
                settings& out);

}  // namespace mtp::config
