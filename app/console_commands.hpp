// The console's commands: a line of text to a question for the inspector, its report to text.
#pragma once

#include <caf/actor_system.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "actors/ops/node_parts.hpp"

namespace mtp::app {

/// The commands, a line each.
[[nodiscard]] std::string console_help();

/// The sources of answers.
struct console_tools {
  caf::actor_system& system;
  const actors::node_parts& node;
  /// Reloads the configuration, as `reloader::reload`; empty for questions of other nodes.
  std::function<tl::expected<std::string, std::string>()> reload;
};

/// Answers one line, such as "clients 50"; "@back pools" asks the back node of that name. Waits at
/// most 8 s. Error: there is no such command, its argument is wrong, the inspector does not answer,
/// or a reload was refused.
[[nodiscard]] tl::expected<std::string, std::string> answer_console(const console_tools& tools,
                                                                    std::string_view line);

}  // namespace mtp::app
