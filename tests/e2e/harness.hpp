// A whole proxy under test, its configuration, a stand-in for Telegram and clients. It is one
// process, or with MTP_E2E_SPLIT in the environment a front and a back, joined by TLS.
#pragma once

#include "tests/e2e/split_nodes.hpp"

namespace mtp::test {

/// Whether proxies under test are a front and a back.
[[nodiscard]] bool is_split();
/// Whether streams go through link agents, in one process or two.
[[nodiscard]] bool has_link_agents();
/// True, and says so, if a test is not for a front and a back.
[[nodiscard]] bool left_out_when_split(const char* why);

class proxy_under_test {
 public:
  struct options {
    /// More lines of the configuration, in front of its ports; of both nodes', if it is split.
    std::string config;
    /// More lines of the port's table.
    std::string port_config;
    std::string listen_ip = "127.0.0.1";
    /// Of the process that has the clients.
    std::optional<open_files> max_open_files;
    std::function<void()> before_program;
    const fake_telegram* telegram = nullptr;
    /// Take the list of IPv6 middle proxies for that of IPv4, which no real Telegram leaves empty.
    bool only_v6_list = false;
    /// Wait until it accepts clients, and has its link.
    bool wait_until_up = true;
  };
  explicit proxy_under_test(options how);

  /// The process that has the clients, and the one that speaks to Telegram: mostly the same.
  [[nodiscard]] test_node& client_side() const { return *front_; }
  [[nodiscard]] test_node& telegram_side() const { return back_ != nullptr ? *back_ : *front_; }
  [[nodiscard]] process& program() const { return client_side().program(); }
  /// All processes.
  [[nodiscard]] std::vector<test_node*> nodes() const;
  /// Sends a signal to all.
  void signal(int number) const;
  /// Waits for all. The highest exit status; nothing if one still runs after `limit`.
  [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit) const;
  /// What all have printed since they were started last.
  [[nodiscard]] std::string output() const;
  [[nodiscard]] bool wait_for_output(std::string_view text) const;

  [[nodiscard]] const secret16& secret() const noexcept { return secret_; }
  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

  /// A socket to the proxy.
  [[nodiscard]] net::blocking_socket connect() const;
  /// A client whose handshake is done; fails the test if the proxy refuses it.
  [[nodiscard]] net::proxy_client client(const client_protocol& how, dc_id dc = 2) const;
  [[nodiscard]] net::proxy_client client_with_secret(const client_protocol& how, dc_id dc,
                                                     const secret16& secret) const;

  /// See `value_of`.
  [[nodiscard]] double metric(const std::string& series) const;
  /// Waits until the series has this value.
  [[nodiscard]] bool wait_for_metric(const std::string& series, double value) const;
  [[nodiscard]] bool wait_for_metric_of_at_least(const std::string& series, double value) const;
  /// All series of the endpoint; of both nodes, added up, if it is split.
  [[nodiscard]] series_values metrics() const;
  /// The largest value that a node has of a series.
  [[nodiscard]] double largest_metric(const std::string& series) const;

 private:
  void make_one();
  void make_two();

  options how_;
  temporary_directory directory_;
  secret16 secret_;
  std::uint16_t port_;
  std::unique_ptr<certificate_authority> authority_;
  /// The back, if it is split: stopped last, so that what the front says at its end gets through.
  std::unique_ptr<test_node> back_;
  std::unique_ptr<test_node> front_;
};

}  // namespace mtp::test
