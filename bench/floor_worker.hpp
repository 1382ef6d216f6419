// A thread's share of the floor (floor.cpp).
#pragma once

#include <vector>

#include "bench/floor_connection.hpp"

namespace mtp::bench {

class floor_worker {
 public:
  /// Connects to the middle proxy and listens; gives up (ends the process) where that fails. The
  /// settings must outlive it.
  explicit floor_worker(const floor_settings& how);

  /// Does not return.
  [[noreturn]] void run();

 private:
  void open_link();
  /// Blocks: there are no clients yet.
  bytes await_frame(conn& from);
  void read_link(conn& from);
  void deliver(const rpc::proxy_ans& answer);
  void listen();
  void accept_all();
  void read_client(client& from);
  void shake_hands(client& from, byte_view data);
  void answer_hello(client& to, const client_hello& hello);
  void forward(client& from);
  client* find(rpc::conn_id id);
  /// Its memory stays until the end of the turn: an event may still point at it.
  void close(client& leaver, bool tell);
  void handle(connection& peer, std::uint32_t events);
  /// What came; nothing if the connection has ended (a client is closed then).
  byte_span read(connection& from);
  void touch(connection& peer);
  void flush(connection& peer);
  /// Stops reading from clients while a conn is too full, and goes on afterwards.
  void hold_clients();
  void set_interest(connection& peer);
  void watch(connection& peer, int how);

  const floor_settings& settings_;
  bytes buffer_;
  bytes head_;
  net::unique_fd epoll_{epoll_create1(EPOLL_CLOEXEC)};
  std::vector<std::unique_ptr<conn>> conns_;
  std::unique_ptr<connection> listener_;
  std::vector<std::unique_ptr<client>> clients_;
  std::vector<std::size_t> free_;
  std::uint64_t accepted_ = 0;
  bool holding_ = false;
  std::vector<connection*> dirty_;
  std::vector<std::unique_ptr<client>> gone_;
};

}  // namespace mtp::bench
