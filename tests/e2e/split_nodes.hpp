// Fronts and backs of a test: processes of their own, joined by TLS with certificates made while
// the test runs, or by another transport.
#pragma once

#include <deque>

#include "tests/e2e/test_node.hpp"

namespace mtp::test {

/// What is common to both, on top of what a test needs always.
struct split_node_options {
  /// More lines: of the configuration, and of its node_link table.
  std::string config;
  std::string link;
  /// "tls", "plain" or "caf-openssl"; all but the first want a cluster_cookie in `link`.
  std::string transport = "tls";
  /// Certificate, key and CA; unless given, right ones in the node's name. Not with "plain".
  std::optional<net::tls_files> files;
  std::vector<std::string> environment;
  std::optional<open_files> max_open_files;
  const network_namespace* network = nullptr;
  /// See `process::options`.
  std::function<void()> before_program;
  /// See `test_node::options`.
  std::string program;
  /// The address it listens on.
  std::string ip = "127.0.0.1";
};

struct back_options : split_node_options {
  /// Names that may come, with "tls".
  std::vector<std::string> allowed{"front"};
  /// The list of Telegram's middle proxies, if not the usual one.
  std::string list_url;
};

class test_back final : public test_node {
 public:
  test_back(std::filesystem::path directory, const std::string& name, const fake_telegram& telegram,
            const back_options& how);
  /// Where fronts come.
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// For back_nodes.
  [[nodiscard]] std::string address() const;
  /// Other names may come, from the next start or SIGHUP on.
  void allow(const std::vector<std::string>& names);

 private:
  static test_node::options to_node(const std::string& name, const fake_telegram& telegram,
                                    const back_options& how, std::uint16_t port);
  static std::string tables(const back_options& how, std::uint16_t port);
  test_back(std::filesystem::path directory, const std::string& name, const fake_telegram& telegram,
            const back_options& how, std::uint16_t port);

  std::string name_;
  back_options how_;
  std::string config_;
  std::uint16_t port_;
};

struct front_options : split_node_options {
  /// Entries of back_nodes; unless given, all backs there are.
  std::vector<std::string> backs;
  /// More lines of the port's table.
  std::string port_config;
  /// Of its port, if not one of its own.
  std::optional<secret16> secret;
};

class test_front final : public test_node {
 public:
  test_front(std::filesystem::path directory, const std::string& name, const front_options& how);
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] const secret16& secret() const noexcept { return secret_; }
  [[nodiscard]] net::blocking_socket connect() const;
  [[nodiscard]] net::proxy_client client(const client_protocol& how = secure_protocol(),
                                         dc_id dc = 2) const;
  /// Waits until it says that it has a session with `backs` backs more than it had lost.
  [[nodiscard]] bool wait_until_connected(std::size_t sessions = 1,
                                          std::chrono::milliseconds limit = patience) const;

 private:
  static test_node::options to_node(const std::string& name, const front_options& how,
                                    std::uint16_t port, const secret16& secret);
  test_front(std::filesystem::path directory, const std::string& name, const front_options& how,
             std::uint16_t port, const secret16& secret);

  std::string ip_;
  std::uint16_t port_;
  secret16 secret_;
};

/// Directory and CA, and the nodes of a test. Nodes are stopped in the reverse order.
class split_nodes {
 public:
  explicit split_nodes(const fake_telegram& telegram);

  /// Both are not started yet.
  test_back& add_back(const std::string& name = "back", back_options how = {});
  test_front& add_front(const std::string& name = "front", front_options how = {});
  /// A front and a back that have a session.
  void start_all();

  [[nodiscard]] test_front& front(std::size_t place = 0) { return fronts_.at(place); }
  [[nodiscard]] test_back& back(std::size_t place = 0) { return backs_.at(place); }
  [[nodiscard]] const certificate_authority& authority() const noexcept { return authority_; }
  [[nodiscard]] const std::filesystem::path& directory() const { return directory_.path(); }

 private:
  const fake_telegram* telegram_;
  temporary_directory directory_;
  certificate_authority authority_;
  std::deque<test_back> backs_;
  std::deque<test_front> fronts_;
};

/// CPU time that a process has used.
[[nodiscard]] std::chrono::milliseconds cpu_time(pid_t pid);
/// Bytes of memory that a process has.
[[nodiscard]] double resident_memory(pid_t pid);

}  // namespace mtp::test
