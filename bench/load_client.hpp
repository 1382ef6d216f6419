// A Telegram client's side of a proxy connection for the load generator: non-blocking, and every
// byte that comes back is checked.
#pragma once

#include <memory>

#include "bench/answer_reader.hpp"
#include "bench/load_options.hpp"
#include "codecs/client/obfuscated2.hpp"
#include "codecs/client/obfuscated_stream.hpp"
#include "net/loop/unique_fd.hpp"

namespace mtp::bench {

class load_client;

/// Told what happens to clients.
class load_client_owner {
 public:
  load_client_owner() = default;
  load_client_owner(const load_client_owner&) = delete;
  load_client_owner& operator=(const load_client_owner&) = delete;
  load_client_owner(load_client_owner&&) = delete;
  load_client_owner& operator=(load_client_owner&&) = delete;
  virtual ~load_client_owner() = default;
  /// The handshake is done as far as the client can tell: requests can be made.
  virtual void on_ready(load_client& client) = 0;
  /// The oldest request was answered rightly. The owner may close the client here.
  virtual void on_answer(load_client& client, const expected_answer& answer) = 0;
};

class load_client {
 public:
  /// Starts to connect, from an address of 127/8 that depends on `id` if the proxy is there.
  /// Requests are numbered from `id` * 2^32 on.
  load_client(load_client_owner& owner, int epoll, const load_target& target, std::uint32_t id);

  /// Asks for `size` bytes back: they are sent (echo), made at the other end (part), or only their
  /// receipt is confirmed (upload). What is asked goes out with `flush`.
  void ask_echo(std::size_t size, load_clock::time_point asked);
  void ask_part(std::size_t size, load_clock::time_point asked);
  void ask_upload(std::size_t size, load_clock::time_point asked);
  void flush();

  /// Epoll said that the socket is ready. Throws std::runtime_error if the proxy closed the
  /// connection or sent something wrong.
  void handle(std::uint32_t events);
  void close();

  [[nodiscard]] bool is_open() const noexcept { return static_cast<bool>(fd_); }
  [[nodiscard]] std::size_t outstanding() const noexcept { return expected_.size(); }
  [[nodiscard]] std::uint32_t id() const noexcept { return id_; }

 private:
  enum class stage : std::uint8_t { connecting, hello, ready };

  void start_handshake();
  void send_header();
  void read();
  void read_hello(byte_view data);
  void read_answers(byte_span data);
  void ask(byte_view packet, expected_answer answer);
  void write();
  void watch(std::uint32_t events, int how);

  load_client_owner* owner_;
  int epoll_;
  const load_target* target_;
  std::uint32_t id_;
  std::uint32_t next_number_ = 0;
  stage stage_ = stage::connecting;
  bool watching_output_ = true;
  net::unique_fd fd_;
  /// Fake-TLS, until the server's flight is there: our random and what came of the flight.
  bytes hello_random_;
  bytes flight_;
  std::optional<tls_record_reader> records_;
  std::optional<aes_ctr> from_server_;
  std::optional<obfuscated_writer> writer_;
  answer_reader reader_;
  std::deque<expected_answer> expected_;
  /// What the socket did not take yet, from `sent_` on.
  bytes unsent_;
  std::size_t sent_ = 0;
};

}  // namespace mtp::bench
