// The thread's half of fake_telegram: an event loop with everything it owns.
#pragma once

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <deque>
#include <mutex>
#include <unordered_map>
#include <unordered_set>

#include "codecs/telegram/rpc_stream.hpp"
#include "tests/support/fake_telegram.hpp"

namespace mtp::test {

/// The thread's event loop, with everything it owns.
class fake_telegram::loop {
 public:
  explicit loop(fake_telegram_options& options);
  void run();
  void stop();
  void post(std::function<void()> action);

  struct middle_proxy {
    dc_id dc = 0;
    endpoint at;
    net::unique_fd listener;
    bool silent = false;
    bool listed = true;
    std::size_t accepted = 0;
    std::size_t closed_clients = 0;
  };

  struct connection {
    net::unique_fd fd;
    /// Null for a client of the configuration server.
    middle_proxy* of = nullptr;
    enum class stage : std::uint8_t { nonce, handshake, ready } at = stage::nonce;
    rpc::stream_reader reader;
    rpc::stream_writer writer;
    /// What the peer's socket did not take, in the order of writing.
    std::deque<bytes> queue;
    /// Of the first piece of `queue`, this much is gone.
    std::size_t first_sent = 0;
    std::size_t queued = 0;
    /// What epoll was told.
    std::uint32_t interest = EPOLLIN;
    std::string http;
    bool close_after_write = false;
    bool stopped_reading = false;
    std::unordered_set<rpc::conn_id> clients;
  };
  using connection_map = std::unordered_map<int, std::unique_ptr<connection>>;

  void set_dead(middle_proxy& proxy, bool dead);
  void close(connection& conn);
  void flush(connection& conn);
  void set_interest(connection& conn);

  fake_telegram_options* options;
  std::map<dc_id, middle_proxy> proxies;
  connection_map connections;
  endpoint config_at;
  config_answer config = config_answer::good;
  bytes served_secret;
  std::size_t config_requests = 0;
  std::size_t pings = 0;
  std::size_t crc32c_conns = 0;
  std::vector<std::int64_t> pongs;
  std::deque<seen_request> requests;
  std::vector<std::string> complaints;

 private:
  void handle_event(int fd, std::uint32_t events);
  void accept_on(int listener, middle_proxy* of);
  void handle_readable(connection& conn);
  void handle_http(connection& conn);
  bool handle_frame(connection& conn, byte_view body);
  bool handle_nonce(connection& conn, byte_view body);
  bool handle_handshake(connection& conn, byte_view body);
  bool handle_message(connection& conn, byte_view body);
  bool handle_request(connection& conn, const rpc::proxy_req& request);
  bool run_command(connection& conn, rpc::conn_id client, byte_view packet,
                   const fake_command& command);
  void take_upload(connection& conn, rpc::conn_id client, byte_view packet,
                   const fake_command& command);
  void close_client(connection& conn, rpc::conn_id client);
  /// A packet made of `first` and `rest`.
  void answer(connection& conn, rpc::conn_id client, byte_view first, byte_view rest = {});
  bool complain(const connection& conn, std::string text);
  [[nodiscard]] std::string list_text(bool v6) const;
  void watch(int fd, std::uint32_t events, int how);
  void run_posted();

  net::unique_fd epoll_{epoll_create1(EPOLL_CLOEXEC)};
  net::unique_fd wake_{eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  net::unique_fd config_listener_;
  std::mutex mutex_;
  std::vector<std::function<void()>> posted_;
  bool stopping_ = false;
  bytes buffer_;
};

}  // namespace mtp::test
