// `mtproto-proxy console`: asks a running proxy on this machine what it does.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace mtp::app {

struct console_options {
  /// Where the socket is: in this file's settings, or at this path.
  std::optional<std::string> config;
  std::optional<std::string> socket;
  /// Another node that is to answer.
  std::optional<std::string> node;
  /// Commands, each perhaps several with ';' between them.
  std::vector<std::string> execute;
};

/// Asks and prints. Returns the exit status: 0 if every command was answered, 1 if the proxy
/// answered one with an error or not at all, 2 if the options can't be used, 3 if no proxy is
/// there.
[[nodiscard]] int run_console(const console_options& options);

/// Has the proxy reload its configuration, and prints what differs. Exit status: 0 done, 1 refused
/// (why is printed, with file and line), 3 if no proxy is there.
[[nodiscard]] int run_reload(console_options options);

}  // namespace mtp::app
