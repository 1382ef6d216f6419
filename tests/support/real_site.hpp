// Web servers as people run them, as processes of their own: cover sites to compare ourselves with.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::test {

enum class site_program : std::uint8_t { nginx, caddy, openssl, node };
/// One name per enumerator, in order: programs in PATH.
inline constexpr std::array<std::string_view, 4> site_program_names{"nginx", "caddy", "openssl",
                                                                    "node"};
[[nodiscard]] constexpr std::string_view name_of(site_program program) noexcept {
  return site_program_names.at(static_cast<std::size_t>(program));
}

/// It serves https for example.com on a port of 127.0.0.1: /index.html, and what the test puts
/// into `root`. It writes nowhere but into a directory of its own.
class real_site {
 public:
  struct options {
    /// More arguments for the program.
    std::vector<std::string> arguments;
    /// Of the certificate. Signatures of RSA have one size, so that all handshakes have.
    key_kind key = key_kind::rsa2048;
  };
  /// Starts it, and waits until it accepts connections. The program must be there.
  explicit real_site(site_program program) : real_site{program, options{}} {}
  real_site(site_program program, options how);

  void stop() { process_.reset(); }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string where() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] std::filesystem::path root() const { return directory_.path() / "root"; }
  /// What it has printed.
  [[nodiscard]] std::string output() const { return process_->output(); }

 private:
  void start();
  /// The program and its arguments, after what they refer to has been written.
  [[nodiscard]] std::vector<std::string> command() const;
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const;
  [[nodiscard]] std::string nginx_config() const;
  [[nodiscard]] std::string caddy_config() const;
  [[nodiscard]] std::string node_script() const;

  site_program program_;
  options how_;
  temporary_directory directory_;
  std::uint16_t port_ = free_port();
  net::tls_files files_;
  std::unique_ptr<process> process_;
};

}  // namespace mtp::test
