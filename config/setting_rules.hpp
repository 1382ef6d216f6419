// What the rows of the option table can't say: defaults that depend on other options, and what does
// not go together. For nodes: config/node_rules.
#pragma once

#include "config/settings.hpp"

namespace mtp::config {

class toml_reader;

/// Settings in which the options of a file are to be read: `in` tells which there are.
[[nodiscard]] settings settings_to_read(const toml_reader& in);
/// Fills in what the file leaves open, and reports what is wrong, after its options have been read.
void complete_settings(toml_reader& in, settings& read);

/// Fills in the name of a port, the last of `ports`, and reports what it shares with another one.
void check_port(toml_reader& in, std::vector<port_settings>& ports);

}  // namespace mtp::config
