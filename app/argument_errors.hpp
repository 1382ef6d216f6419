// Errors in the program's arguments, in words that quote no value.
#pragma once

#include <string>

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace mtp::app {

/// Describes the error to the operator and names its options. The texts of `error` itself quote the
/// arguments, which may be secrets: in the wrong option, in a link, or as one word too many.
[[nodiscard]] std::string describe_argument_error(const CLI::App& app,
                                                  const CLI::ParseError& error);

}  // namespace mtp::app
