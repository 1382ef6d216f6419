// Rules for fronting beyond the rows of the option table: options that need or exclude each other,
// and sites that lead back to this proxy.
#pragma once

#include "config/settings.hpp"

namespace mtp::config {

class toml_reader;

/// Whether a connection to `target` gets to a socket that listens on `listen`.
[[nodiscard]] bool reaches(const endpoint& target, const endpoint& listen);

/// Reports mistakes in the fronting of a file, after its options have been read.
void check_fronting(toml_reader& in, const settings& read);

}  // namespace mtp::config
