// Reads TOML from text, and says where a text is not TOML.
#pragma once

#include <toml++/toml.h>

#include <string>
#include <tl/expected.hpp>

#include "config/settings_file.hpp"

namespace mtp::config {

/// Reads `text`; `name` stands for the file in the problem. The problem has line and column, and
/// quotes at most one character of the text: the parser itself quotes values and keys, which may be
/// secrets.
[[nodiscard]] tl::expected<toml::table, config_problem> read_toml(std::string_view text,
                                                                  const std::string& name);
/// The same for the file at `path`, of at most 1 MiB.
[[nodiscard]] tl::expected<toml::table, config_problem> read_toml_file(const std::string& path);

}  // namespace mtp::config
