// Rules that the rows of the option table can't express: defaults that depend on other options, and
// options that exclude each other. For nodes: config/node_rules.
#pragma once

#include "config/settings.hpp"

namespace mtp::config {

class toml_reader;

/// The settings to read a file's options into; `in` says which options there are.
[[nodiscard]] settings settings_to_read(const toml_reader& in);
/// Fills in the defaults that depend on other options, and reports mistakes, after a file's options
/// have been read.
void complete_settings(toml_reader& in, settings& read);

/// Fills in the name of a port, the last one of `ports`, and reports a name or an address that
/// another port has too.
void check_port(toml_reader& in, std::vector<port_settings>& ports);

}  // namespace mtp::config
