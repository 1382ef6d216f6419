// What is generated from the option table: the tables of doc/config.md, and the comments above the
// options of the templates.
#pragma once

#include <string>
#include <string_view>

#include <tl/expected.hpp>

namespace mtp::config {

/// `text` with a fresh table between each `<!-- options: NAME -->` and the `<!-- end -->` after it.
/// An error says what is wrong with the markers: a group that is not known, a missing end, or a
/// group that has no place.
[[nodiscard]] tl::expected<std::string, std::string> with_option_tables(std::string_view text);

/// A template with fresh comments: the lines that start with "# " right above each `key = value` or
/// `#key = value` are what the option's row says. Other comments have an empty line below them. An
/// error names an option that the table does not have.
[[nodiscard]] tl::expected<std::string, std::string> with_option_comments(std::string_view text);

}  // namespace mtp::config
