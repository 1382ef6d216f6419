// The loop that all modes of the load generator share: connects clients, a bounded number at once,
// each with a handshake and one small echo, and then runs until the mode says that it is done.
#pragma once

#include <memory>
#include <vector>

#include "bench/load_client.hpp"
#include "bench/load_report.hpp"

namespace mtp::bench {

class load_fleet : public load_client_owner {
 public:
  /// `options` must live as long.
  explicit load_fleet(const load_options& options);

  /// Throws std::runtime_error if anything goes wrong, silence for `options.patience` included.
  void run();
  [[nodiscard]] const load_report& report() const noexcept { return report_; }

 protected:
  void on_ready(load_client& client) final;
  void on_answer(load_client& client, const expected_answer& answer) final;

  /// The client's first echo came back.
  virtual void on_established(load_client& client) = 0;
  /// The answer to a request of the mode's own.
  virtual void on_request_done(load_client& client, const expected_answer& answer) = 0;
  /// `wake_at` has come.
  virtual void on_wake() {}
  /// A line came on standard input, or its end.
  virtual void on_line() {}

  [[nodiscard]] const load_options& options() const noexcept { return options_; }
  [[nodiscard]] load_report& measured() noexcept { return report_; }
  [[nodiscard]] std::vector<std::unique_ptr<load_client>>& clients() noexcept { return clients_; }
  [[nodiscard]] std::size_t established() const noexcept { return established_; }
  /// Closes `client`; another one may take its place among `parallel`.
  void retire(load_client& client);
  void wake_at(load_clock::time_point when);
  void watch_input();
  /// From now on nothing needs to happen.
  void expect_silence() noexcept { silent_ = true; }
  void finish() noexcept { done_ = true; }

 private:
  void connect_more();
  void handle_events(int timeout_ms);

  const load_options& options_;
  load_report report_;
  net::unique_fd epoll_;
  net::unique_fd timer_;
  std::vector<std::unique_ptr<load_client>> clients_;
  std::vector<std::unique_ptr<load_client>> retired_;
  std::size_t started_ = 0;
  std::size_t under_way_ = 0;
  std::size_t established_ = 0;
  std::uint64_t progress_ = 0;
  bool silent_ = false;
  bool done_ = false;
};

/// One connection after the other asks again as soon as it is answered. `request` asks.
using request_maker = void (*)(load_client& client, std::size_t size, load_clock::time_point asked);
[[nodiscard]] std::unique_ptr<load_fleet> make_closed_loop(const load_options& options,
                                                           request_maker request);
/// Echoes at a steady rate, whether answers come or not.
[[nodiscard]] std::unique_ptr<load_fleet> make_paced(const load_options& options);
/// Connections that come, echo once and go.
[[nodiscard]] std::unique_ptr<load_fleet> make_storm(const load_options& options);
/// Connections that do nothing.
[[nodiscard]] std::unique_ptr<load_fleet> make_idle(const load_options& options);

}  // namespace mtp::bench
