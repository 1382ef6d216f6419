// A whole proxy under test: its process, its configuration, a stand-in for Telegram and clients.
#pragma once

#include <doctest/doctest.h>

#include <map>
#include <memory>

#include "codecs/secret.hpp"
#include "net/proxy_client.hpp"
#include "tests/support/fake_telegram.hpp"
#include "tests/support/process.hpp"

namespace mtp::test {

inline constexpr std::chrono::seconds patience{10};

/// A deadline `patience` from now.
[[nodiscard]] net::proxy_client::clock::time_point soon();

/// A client's protocol, as tests name it.
struct client_protocol {
  std::string name;
  transport kind;
  bool tls;
};
[[nodiscard]] const std::vector<client_protocol>& all_protocols();

class proxy_under_test {
 public:
  struct options {
    /// More lines of the configuration, in front of its ports.
    std::string config;
    /// More lines of the port's table.
    std::string port_config;
    std::string listen_ip = "127.0.0.1";
    std::optional<open_files> max_open_files;
    const fake_telegram* telegram = nullptr;
    /// Take the list of IPv6 middle proxies for that of IPv4, which no real Telegram leaves empty.
    bool only_v6_list = false;
    /// Wait until it accepts clients.
    bool wait_until_up = true;
  };
  explicit proxy_under_test(options how);

  [[nodiscard]] process& program() { return *process_; }
  [[nodiscard]] const secret16& secret() const noexcept { return secret_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }
  void start();

  /// A socket to the proxy.
  [[nodiscard]] net::blocking_socket connect() const;
  /// A client whose handshake is done; fails the test if the proxy refuses it.
  [[nodiscard]] net::proxy_client client(const client_protocol& how, dc_id dc = 2) const;
  [[nodiscard]] net::proxy_client client_with_secret(const client_protocol& how, dc_id dc,
                                                     const secret16& secret) const;

  /// The value of a series, e.g. `protocol_error_total{listener="test",reason="x"}`, without the
  /// prefix `mtproto_proxy_`; 0 if there is none.
  [[nodiscard]] double metric(const std::string& series) const;
  /// Waits until the series has this value.
  [[nodiscard]] bool wait_for_metric(const std::string& series, double value) const;
  [[nodiscard]] bool wait_for_metric_of_at_least(const std::string& series, double value) const;
  /// All series of the endpoint.
  [[nodiscard]] std::map<std::string, double> metrics() const;

 private:
  options how_;
  temporary_directory directory_;
  secret16 secret_;
  std::uint16_t port_;
  std::uint16_t metrics_port_;
  int starts_ = 0;
  std::unique_ptr<process> process_;
};

/// Sends random bytes and expects them back.
void check_echo(net::proxy_client& client, std::size_t size = 64);
/// The proxy closes the connection.
void check_closed(net::proxy_client& client);
void check_closed(net::blocking_socket& socket);
[[nodiscard]] bytes random_packet(std::size_t size);

}  // namespace mtp::test
