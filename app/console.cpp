#include "app/console.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <sstream>
#include <system_error>
#include <thread>

#include "app/console_commands.hpp"
#include "app/console_server.hpp"
#include "config/settings_file.hpp"
#include "net/loop/blocking_socket.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;

/// Longer than a server whose parts hang needs.
constexpr auto answer_patience = 15s;
constexpr auto connect_interval = 20ms;

enum status : int { answered = 0, failed = 1, unusable = 2, nobody_there = 3 };

/// All that comes until the end; what has come if that does not.
std::string receive_all(net::blocking_socket& from,
                        net::blocking_socket::clock::time_point deadline) {
  std::string answer;
  bytes buffer(65536);
  while (true) {
    const auto got = from.receive(buffer, deadline);
    if (!got || *got == 0) return answer;
    answer += as_text(byte_view{buffer}.first(*got));
  }
}

/// Connects; while others fill the queue, again and again.
tl::expected<net::unique_fd, int> connect(const std::string& path,
                                          net::blocking_socket::clock::time_point deadline) {
  while (true) {
    auto fd = net::connect_unix(path);
    if (fd || fd.error() != EAGAIN || net::blocking_socket::clock::now() > deadline) return fd;
    std::this_thread::sleep_for(connect_interval);
  }
}

status ask(const std::string& path, const std::string& command) {
  const auto deadline = net::blocking_socket::clock::now() + answer_patience;
  auto fd = connect(path, deadline);
  if (!fd && fd.error() == EAGAIN) {
    fmt::print(stderr, "error: too many ask at {}\n", path);
    return failed;
  }
  if (!fd) {
    fmt::print(stderr,
               "error: no proxy answers at {}: {}\n"
               "Is it running, with this console_socket? Name its configuration (-c FILE) or its "
               "socket (--socket PATH); be root or the user it runs as. If the file has another "
               "console_socket or state_dir than at its start, have it reload by SIGHUP.\n",
               path, std::generic_category().message(fd.error()));
    return nobody_there;
  }
  net::blocking_socket socket{std::move(*fd)};
  // If it went away meanwhile, there is no answer.
  static_cast<void>(socket.send(as_bytes(command + '\n'), deadline));
  const auto answer = receive_all(socket, deadline);
  if (answer.starts_with(console_ok)) {
    fmt::print("{}", std::string_view{answer}.substr(console_ok.size()));
    return answered;
  }
  fmt::print(stderr, "{}", answer.starts_with(console_error) ? answer : "error: no answer\n");
  return failed;
}

/// The socket's path; or the exit status if it can't be told, which has been explained.
tl::expected<std::string, status> socket_path(const console_options& options) {
  if (options.socket) return *options.socket;
  config::settings settings;
  if (options.config) {
    auto loaded = config::load_settings(*options.config);
    if (!loaded) {
      for (const auto& problem : loaded.error())
        fmt::print(stderr, "error: {}\n", to_string(problem));
      return tl::unexpected{unusable};
    }
    settings = std::move(loaded->settings);
  }
  if (settings.process.console_socket.empty()) {
    fmt::print(stderr, "error: {} has no console: set console_socket, and restart the proxy\n",
               *options.config);
    return tl::unexpected{nobody_there};
  }
  return settings.process.console_socket;
}

std::vector<std::string> commands_of(const console_options& options) {
  std::vector<std::string> commands;
  for (const auto& given : options.execute) {
    std::istringstream parts{given};
    for (std::string part; std::getline(parts, part, ';');) {
      constexpr const char* blank = " \t\r\n";
      const auto first = part.find_first_not_of(blank);
      if (first == std::string::npos) continue;
      commands.push_back(part.substr(first, part.find_last_not_of(blank) - first + 1));
    }
  }
  return commands;
}

}  // namespace

int run_reload(console_options options) {
  options.execute = {"reload"};
  const int status = run_console(options);
  // The file names the console; one that is wrong would be refused by the proxy, too.
  return status == unusable ? failed : status;
}

int run_console(const console_options& options) {
  const auto commands = commands_of(options);
  if (commands.empty()) {
    fmt::print(stderr, "error: -e needs a command:\n{}", console_help());
    return unusable;
  }
  const auto path = socket_path(options);
  if (!path) return path.error();
  int worst = answered;
  for (const auto& command : commands) {
    if (commands.size() > 1) fmt::print("== {}\n", command);
    // Before what may go to the standard error output.
    static_cast<void>(std::fflush(stdout));
    const auto result =
        ask(*path, options.node ? fmt::format("@{} {}", *options.node, command) : command);
    worst = std::max<int>(worst, result);
    if (result == nobody_there) break;
  }
  return worst;
}

}  // namespace mtp::app
