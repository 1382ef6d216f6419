// Rules for front and back nodes beyond the rows of the option table: options that depend on the
// role, on the transport or on each other. doc/config.md, "Nodes".
#pragma once

#include "config/settings.hpp"

namespace mtp::config {

class toml_reader;

/// Reports mistakes in the backs and the link of a file, after its options have been read, and
/// fills in the node's name.
void check_nodes(toml_reader& in, settings& read);
/// The same for the `[node_link]` of a front or back; `link` reads that table.
void check_node_link(toml_reader& link, const settings& read);

}  // namespace mtp::config
