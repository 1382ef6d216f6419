// The console's UNIX socket: a line of text in, text out (doc/console.md). It has a thread of its
// own, which sleeps while there is no request.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <tl/expected.hpp>

#include "net/loop/unix_listener.hpp"

namespace mtp::app {

/// What a request line (without its end) is answered with, or why it can't be. Called in the
/// server's thread, one request at a time; takes seconds at the most.
using console_answer = std::function<tl::expected<std::string, std::string>(std::string_view line)>;

// What one connection may take, and how many there are; others wait in the kernel's queue.
inline constexpr std::size_t max_console_clients = 32;
inline constexpr std::size_t max_console_request = 1024;
inline constexpr std::size_t max_console_answer = std::size_t{1} << 20;
/// For the whole request to come, and for the answer to be taken.
inline constexpr std::chrono::seconds console_request_patience{2};
inline constexpr std::chrono::seconds console_answer_patience{5};

/// What an answer starts with: `console_ok` and the text, or `console_error` and why there is none.
inline constexpr std::string_view console_ok = "ok\n";
inline constexpr std::string_view console_error = "error: ";

class console_server {
 public:
  /// Serves the socket at `path`. Error: as `net::unix_listener::open`.
  [[nodiscard]] static tl::expected<std::unique_ptr<console_server>, std::string> open(
      const std::string& path, console_answer answer);
  console_server(const console_server&) = delete;
  console_server& operator=(const console_server&) = delete;
  console_server(console_server&&) = delete;
  console_server& operator=(console_server&&) = delete;
  /// Waits for an answer under way, then removes the socket.
  ~console_server();

  /// For a process that is about to end without destructors.
  void remove_socket() const noexcept { listener_->remove(); }

 private:
  struct client;
  console_server(std::unique_ptr<net::unix_listener> listener, console_answer answer);

  void run();
  void wait();
  void accept_some();
  /// False: it is done with.
  [[nodiscard]] bool serve(client& conn);
  [[nodiscard]] bool read_request(client& conn);
  [[nodiscard]] static bool write_answer(client& conn);

  std::unique_ptr<net::unix_listener> listener_;
  console_answer answer_;
  net::unique_fd stop_;
  std::vector<client> clients_;
  net::accept_rest rest_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace mtp::app
