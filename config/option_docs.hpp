// Texts that are generated from the option table: the tables of doc/config.md, and the comments
// above the options in the templates.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace mtp::config {

/// `text` with a fresh table between each `<!-- options: NAME -->` and the `<!-- end -->` after it.
/// Error: what is wrong with the markers (an unknown group, a missing end, a group that has no
/// place).
[[nodiscard]] tl::expected<std::string, std::string> with_option_tables(std::string_view text);

/// A template with fresh comments: the lines that start with "# " right above each `key = value` or
/// `#key = value` get the text of the option's row. Other comments have an empty line below them.
/// Error: the name of an option that the table does not have.
[[nodiscard]] tl::expected<std::string, std::string> with_option_comments(std::string_view text);

}  // namespace mtp::config
