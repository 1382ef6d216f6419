// The value of an option that is a site: a text, or a table with how the site is told of visitors.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/fronting.hpp"

namespace mtp::config {

class toml_reader;

/// What a text must be.
inline constexpr std::string_view wanted_place =
    R"("host:port", "[v6]:port" or "unix:/path" (and not localhost but 127.0.0.1 or ::1, as no name )"
    "may lead to a private address)";

/// The site at `key`; nothing if it is none, which is told. `wanted`: what is expected there if it
/// is no table.
[[nodiscard]] std::optional<fronting_target> read_target(toml_reader& in, std::string_view key,
                                                         std::string_view wanted = wanted_place);

/// A site as TOML.
[[nodiscard]] std::string show_target(const fronting_target& target);

}  // namespace mtp::config
