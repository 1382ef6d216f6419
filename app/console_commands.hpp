// The console's commands: a line of text to a question for the inspector, its report to text. The
// full console will add its commands here.
#pragma once

#include <caf/actor_system.hpp>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "actors/ops/node_parts.hpp"

namespace mtp::app {

/// The commands, a line each.
[[nodiscard]] std::string console_help();

/// Answers one line, such as "clients 50"; "@back pools" asks the back node of that name. Waits at
/// most 8 s. Error: there is no such command, its
/// argument is wrong, or the inspector does not answer.
[[nodiscard]] tl::expected<std::string, std::string> answer_console(caf::actor_system& system,
                                                                    const actors::node_parts& node,
                                                                    std::string_view line);

}  // namespace mtp::app
