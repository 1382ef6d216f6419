// One process of the proxy under test, whatever its role: its directory, its configuration, what it
// prints and counts.
#pragma once

#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "codecs/client/secret.hpp"
#include "net/client/proxy_client.hpp"
#include "tests/support/fake_telegram.hpp"
#include "tests/support/network_namespace.hpp"
#include "tests/support/process.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::test {

/// How long what has to come may take. Sanitizers make a crowded machine so slow that 10 s were not
/// always enough.
#ifdef NDEBUG
inline constexpr std::chrono::seconds patience{10};
#else
inline constexpr std::chrono::seconds patience{30};
#endif

/// A deadline `patience` from now.
[[nodiscard]] net::proxy_client::clock::time_point soon();

/// A client's protocol, as tests name it.
struct client_protocol {
  std::string name;
  framing kind;
  bool tls;
};
[[nodiscard]] const std::vector<client_protocol>& all_protocols();
[[nodiscard]] const client_protocol& abridged_protocol();
[[nodiscard]] const client_protocol& intermediate_protocol();
/// The "dd" one, which most tests use.
[[nodiscard]] const client_protocol& secure_protocol();
[[nodiscard]] const client_protocol& tls_protocol();

/// Series of a metrics endpoint, with their values.
using series_values = std::map<std::string, double>;

/// What `mtproto-proxy reload` said.
struct reload_result {
  int status = -1;
  std::string output;
};

class test_node {
 public:
  struct options {
    /// Lines of the configuration that come before its tables, and its tables.
    std::string config;
    std::string tables;
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::optional<open_files> max_open_files;
    /// Where it runs, if not where the test does.
    const network_namespace* network = nullptr;
    /// See `process::options`.
    std::function<void()> before_program;
    /// What it prints when it is up; empty: nobody waits for that.
    std::string when_up;
    /// The proxy to run, if not the one that was built with this test.
    std::string program;
  };
  /// Writes its configuration into `directory`, which it makes; does not start it.
  test_node(std::filesystem::path directory, options how);
  test_node(const test_node&) = delete;
  test_node& operator=(const test_node&) = delete;
  test_node(test_node&&) = delete;
  test_node& operator=(test_node&&) = delete;
  virtual ~test_node();

  /// Starts it, for the first time or again, and waits until it is up.
  void start();
  /// The same, without waiting.
  void launch();
  /// SIGKILL.
  void kill();
  /// Another build is run from the next start on; none: this one.
  void run_from_now_on(std::string program) { how_.program = std::move(program); }
  /// Writes the configuration anew, for the next start or SIGHUP.
  void configure(std::string config, std::string tables);
  /// Its configuration as it is on disk.
  [[nodiscard]] std::string file() const;
  /// Replaces the line of `key` there; fails the test if there is none.
  void set_line(const std::string& key, const std::string& value) const;
  /// Has it reload its configuration by `mtproto-proxy reload`.
  [[nodiscard]] reload_result reload() const;
  [[nodiscard]] process& program() { return *process_; }
  [[nodiscard]] bool running() { return process_ != nullptr && process_->running(); }
  [[nodiscard]] const std::filesystem::path& directory() const noexcept { return directory_; }
  [[nodiscard]] std::string config_file() const { return (directory_ / "proxy.toml").string(); }
  /// Where it keeps Telegram's configuration and its console.
  [[nodiscard]] std::filesystem::path state() const { return directory_ / "state"; }
  [[nodiscard]] const network_namespace* network() const noexcept { return how_.network; }

  /// What it has printed since it was started last.
  [[nodiscard]] std::string output() const;
  [[nodiscard]] std::size_t count_in_output(std::string_view text) const;
  [[nodiscard]] bool wait_for_output(std::string_view text,
                                     std::chrono::milliseconds limit = patience) const;

  /// All series of its endpoint.
  [[nodiscard]] series_values metrics() const;
  /// As `value_of`.
  [[nodiscard]] double metric(const std::string& series) const;
  [[nodiscard]] bool wait_for_metric(const std::string& series, double value,
                                     std::chrono::milliseconds limit = patience) const;

 private:
  void write_config() const;

  std::filesystem::path directory_;
  options how_;
  std::uint16_t metrics_port_;
  int starts_ = 0;
  std::unique_ptr<process> process_;
};

/// The series that counts handshakes of the port "test" that failed for this reason.
[[nodiscard]] std::string protocol_error(const std::string& reason);

/// The value of a series, e.g. `protocol_error_total{listener="test",reason="x"}`, without the
/// prefix `mtproto_proxy_`; 0 if there is none.
[[nodiscard]] double value_of(const series_values& all, const std::string& series);
/// The sum of all series that start with `prefix`, without `mtproto_proxy_`.
[[nodiscard]] double sum_of(const series_values& all, const std::string& prefix);

/// Lines of the configuration that are about Telegram. `list_url`: instead of `config_url`.
[[nodiscard]] std::string telegram_lines(const fake_telegram& telegram,
                                         const std::string& list_url = {});
/// A table of a port.
[[nodiscard]] std::string port_table(const std::string& listen_ip, std::uint16_t port,
                                     const secret16& secret);

/// A client whose handshake is done; fails the test if the proxy refuses it.
[[nodiscard]] net::proxy_client make_client(net::blocking_socket socket, const client_protocol& how,
                                            dc_id dc, const secret16& secret);
/// Sends random bytes and expects them back.
void check_echo(net::proxy_client& client, std::size_t size = 64);
/// The proxy closes the connection.
void check_closed(net::proxy_client& client);
void check_closed(net::blocking_socket& socket);
[[nodiscard]] bytes random_packet(std::size_t size);

}  // namespace mtp::test
