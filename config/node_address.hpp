// Names of nodes, and where they are, as operators write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace mtp::config {

/// A name as certificates have: at most 63 letters, digits, ".", "_" and "-", the first one a
/// letter or a digit.
[[nodiscard]] std::optional<std::string> parse_node_name(std::string_view text);

/// `name@host` or `name@host:port`, as the original names nodes. The port is 9199 if there is none;
/// the host a name, an IPv4 address or an IPv6 address in brackets, which are taken off.
[[nodiscard]] std::optional<back_address> parse_back_address(std::string_view text);

}  // namespace mtp::config
