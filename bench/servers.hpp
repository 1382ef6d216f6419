// The programs that a measurement needs: the stand-in for Telegram, and what is measured in front
// of it. All on loopback, on ports picked at run time, each a process of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codecs/base/address.hpp"
#include "codecs/base/crypto.hpp"
#include "tests/support/process.hpp"

namespace mtp::bench {

class stand_in {
 public:
  /// Throws std::runtime_error if it does not start.
  stand_in(const std::string& program, const std::filesystem::path& directory);

  /// Lines of the proxy's configuration that point at it.
  [[nodiscard]] const std::string& config_lines() const noexcept { return config_lines_; }
  /// What the configuration server gives, for a proxy that can't ask: the secret in hex, and the
  /// middle proxy of DC 2.
  [[nodiscard]] const std::string& secret() const noexcept { return secret_; }
  [[nodiscard]] const endpoint& middle_proxy() const noexcept { return middle_proxy_; }
  [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }

 private:
  std::string config_lines_;
  std::string secret_;
  endpoint middle_proxy_;
  test::process process_;
};

/// `split`: front and back, two processes joined by TLS with certificates made for them.
enum class server_role : std::uint8_t { both, split, floor };

/// What is measured: a build of the proxy, or the floor.
struct server_kind {
  /// As the table's head calls it.
  std::string name;
  std::string program;
  server_role role = server_role::both;
  /// More lines of the proxy's configuration.
  std::string config = {};
  /// A program that runs it, and that program's arguments.
  std::vector<std::string> wrapper = {};
};

class server {
 public:
  /// Starts it with shipped defaults and waits until it serves clients: a front, until it has a
  /// session with its back. Throws std::runtime_error.
  server(const server_kind& kind, const stand_in& telegram, const std::filesystem::path& directory);

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// Of a proxy, or of the front.
  [[nodiscard]] const std::string& config_file() const noexcept { return config_file_; }
  /// 32 hexadecimal digits, always the same: the length of a fake-TLS answer depends on them.
  [[nodiscard]] static const std::string& secret();
  /// Its processes. Of a split one the front, then the back.
  [[nodiscard]] std::vector<pid_t> pids() const;

 private:
  void start_floor(const server_kind& kind, const stand_in& telegram);
  void start_both(const server_kind& kind, const stand_in& telegram);
  void start_split(const server_kind& kind, const stand_in& telegram);
  [[nodiscard]] std::unique_ptr<test::process> start(const server_kind& kind,
                                                     const std::string& output,
                                                     const std::vector<std::string>& arguments,
                                                     const std::string& when_up) const;
  [[nodiscard]] std::string client_table() const;

  std::filesystem::path directory_;
  std::uint16_t port_;
  std::string config_file_;
  /// Only of a split one; stopped last, as the front says goodbye to it.
  std::unique_ptr<test::process> back_;
  std::unique_ptr<test::process> process_;
};

}  // namespace mtp::bench
