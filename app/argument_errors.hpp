// What is wrong with the program's arguments, in words that quote no value.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace mtp::app {

/// What is wrong, for the operator: names the options it is about. The texts of `error` itself
/// quote what was given, which may be a secret: the wrong option, a link, one word too many.
[[nodiscard]] std::string describe_argument_error(const CLI::App& app,
                                                  const CLI::ParseError& error);

}  // namespace mtp::app
