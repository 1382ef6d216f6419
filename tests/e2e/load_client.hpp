// Clients that send packets no other client sends, and look at every byte that comes back.
#pragma once

#include <atomic>
#include <thread>

#include "tests/e2e/harness.hpp"

namespace mtp::test {

/// What clients saw.
struct tally {
  std::atomic<std::size_t> echoes = 0;
  /// Bytes that are not what was sent.
  std::atomic<std::size_t> wrong = 0;
  /// Closed while they waited for an answer, and while they did not.
  std::atomic<std::size_t> in_flight_closed = 0;
  std::atomic<std::size_t> idle_closed = 0;
  /// Neither answer nor end came in time.
  std::atomic<std::size_t> silent = 0;
  /// No connection, or no handshake.
  std::atomic<std::size_t> refused = 0;
};

/// A packet that no other client sends, and this one only once.
[[nodiscard]] bytes tagged_packet(std::uint32_t client, std::uint32_t number, std::size_t size);

class load_client {
 public:
  struct target {
    std::uint16_t port = 0;
    secret16 secret{};
    const network_namespace* network = nullptr;
    std::string ip = "127.0.0.1";
  };
  load_client(target to, std::uint32_t id, tally& seen)
      : to_{std::move(to)}, seen_{&seen}, id_{id} {}

  /// One echo, on a new connection if there is none.
  void echo(std::chrono::milliseconds limit = patience);
  /// The halves of one. `receive` without a packet on its way does nothing.
  void send();
  void receive(std::chrono::milliseconds limit = patience);
  /// Sends what the stand-in for Telegram does not answer.
  void ask_for_nothing();
  /// The proxy has closed it; bytes that it did not ask for are wrong ones.
  [[nodiscard]] bool is_closed();
  [[nodiscard]] bool is_connected() const { return client_.has_value(); }
  [[nodiscard]] net::proxy_client& client() { return *client_; }
  void leave() { client_.reset(); }

 private:
  bool connect();
  /// A connection that was not closed meanwhile.
  bool make_ready();
  void lose(const std::string& why = "closed");

  target to_;
  tally* seen_;
  std::uint32_t id_;
  std::uint32_t number_ = 0;
  std::optional<net::proxy_client> client_;
  /// Sent, and not answered yet.
  bytes expected_;
};

/// Clients that send echoes all the time, each in a thread of its own and with short pauses.
class busy_clients {
 public:
  /// Each waits `limit` for an answer.
  busy_clients(const load_client::target& to, std::uint32_t first_id, std::size_t count,
               tally& seen, std::chrono::milliseconds limit = patience);
  busy_clients(const busy_clients&) = delete;
  busy_clients& operator=(const busy_clients&) = delete;
  busy_clients(busy_clients&&) = delete;
  busy_clients& operator=(busy_clients&&) = delete;
  ~busy_clients() { stop(); }
  void stop();

 private:
  std::atomic<bool> stop_ = false;
  std::vector<std::thread> threads_;
};

/// Clients with one echo behind them.
[[nodiscard]] std::vector<load_client> idle_clients(const load_client::target& to,
                                                    std::uint32_t first_id, std::size_t count,
                                                    tally& seen);

}  // namespace mtp::test
