// A program under test as a process of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mtp::test {

class network_namespace;

/// A directory that is removed at the end.
class temporary_directory {
 public:
  temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  temporary_directory(temporary_directory&&) = delete;
  temporary_directory& operator=(temporary_directory&&) = delete;
  ~temporary_directory();
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

/// Limits of the number of files: the one that counts, and how far a program may raise it.
struct open_files {
  std::size_t soft = 0;
  std::size_t hard = 0;
};

/// Runs a program; what it prints goes to a file. Stopped by pid at the end: SIGTERM, then SIGKILL.
class process {
 public:
  struct options {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::filesystem::path output;
    /// RLIMIT_NOFILE.
    std::optional<open_files> max_open_files;
    /// Killed when the thread that started it ends, however it ends.
    bool ends_with_parent = false;
    /// Where it runs, if not where we do.
    const network_namespace* network = nullptr;
    /// Called in the new process, right before the program: nothing but calls of the system.
    std::function<void()> before_program;
  };
  process(const std::string& program, const options& how);
  process(const process&) = delete;
  process& operator=(const process&) = delete;
  process(process&&) = delete;
  process& operator=(process&&) = delete;
  ~process();

  void signal(int number) const;
  /// The exit status (128 + signal if killed by one); nothing if it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);
  [[nodiscard]] bool running();
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// All it has printed so far.
  [[nodiscard]] std::string output() const;

 private:
  std::filesystem::path output_;
  pid_t pid_ = -1;
  std::optional<int> status_;
};

/// For `skip`: that there is no program of this name in PATH; empty if there is one.
[[nodiscard]] std::string missing_program(const std::string& name);

/// For `skip`: that processes can't be looked at; empty if they can.
[[nodiscard]] std::string missing_proc();

/// For `before_program`: sockets of this family are refused to the process with EAFNOSUPPORT, as by
/// systemd's RestrictAddressFamilies.
void refuse_sockets(int family);

/// A TCP port of 127.0.0.1 (or ::1) that is not in use at the moment.
[[nodiscard]] std::uint16_t free_port(bool ipv6 = false);

/// Calls `holds` until it is true; false after `limit`.
template <class Predicate>
[[nodiscard]] bool eventually(Predicate&& holds, std::chrono::milliseconds limit);

void pause_briefly();

template <class Predicate>
bool eventually(Predicate&& holds, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    pause_briefly();
  }
  return true;
}

}  // namespace mtp::test
