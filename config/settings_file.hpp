// The configuration file: TOML in, checked settings out. Every option: doc/config.md.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "config/settings.hpp"

namespace mtp::config {

/// A setting that can't be used, or one that has no effect.
struct config_problem {
  /// 0 if it belongs to no line.
  unsigned line = 0;
  /// File, line and key: "config/prod.toml:12: max_connections".
  std::string where;
  /// The error, and what is expected instead.
  std::string text;
};

struct loaded_settings {
  config::settings settings;
  /// Accepted, but the operator should know.
  std::vector<config_problem> warnings;
};

/// Reads the file at `path`. On failure: everything that is wrong with it, in the order of its
/// lines.
[[nodiscard]] tl::expected<loaded_settings, std::vector<config_problem>> load_settings(
    const std::string& path);
/// The same for a text; `name` stands for the file in messages. Relative paths in it are relative
/// to the directory of `name`.
[[nodiscard]] tl::expected<loaded_settings, std::vector<config_problem>> parse_settings(
    std::string_view toml, const std::string& name);

[[nodiscard]] std::string to_string(const config_problem& problem);

}  // namespace mtp::config
