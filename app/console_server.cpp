#include "app/console_server.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <system_error>

#include "config/settings.hpp"

namespace mtp::app {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

static_assert(config::max_socket_path == net::max_socket_path);

/// An answer as it is sent.
std::string framed(const tl::expected<std::string, std::string>& answer) {
  auto text = answer ? std::string{console_ok} + *answer
                     : std::string{console_error} + answer.error() + '\n';
  if (text.size() <= max_console_answer) return text;
  text.resize(max_console_answer);
  text.resize(text.rfind('\n') + 1);
  return text + "the rest is left out\n";
}

}  // namespace

struct console_server::client {
  net::unique_fd fd;
  clock::time_point deadline;
  std::string request;
  /// Once the request has come; the first `sent` bytes of it have left.
  std::optional<std::string> answer;
  std::size_t sent = 0;
  bool ready = false;
};

tl::expected<std::unique_ptr<console_server>, std::string> console_server::open(
    const std::string& path, console_answer answer) {
  auto listener = net::unix_listener::open(path);
  if (!listener) return tl::unexpected{listener.error()};
  return std::unique_ptr<console_server>{
      new console_server{std::move(*listener), std::move(answer)}};
}

console_server::console_server(std::unique_ptr<net::unix_listener> listener, console_answer answer)
    : listener_{std::move(listener)},
      answer_{std::move(answer)},
      stop_{eventfd(0, EFD_CLOEXEC)},
      thread_{[this] { run(); }} {}

console_server::~console_server() {
  const std::uint64_t increment = 1;
  static_cast<void>(!::write(stop_.get(), &increment, sizeof increment));
  thread_.join();
}

void console_server::run() {
  while (!stopping_) {
    wait();
    std::erase_if(clients_, [this](client& conn) {
      if (serve(conn)) return false;
      conn.fd = {};  // now: others may take their time
      return true;
    });
  }
  clients_.clear();
}

/// Waits until a connection is ready or late. Accepts new connections.
void console_server::wait() {
  const auto now = clock::now();
  std::array<pollfd, 2 + max_console_clients> fds{};
  fds[0] = {.fd = stop_.get(), .events = POLLIN, .revents = 0};
  auto until = clock::time_point::max();
  const bool accepts = clients_.size() < max_console_clients && now >= rest_.until();
  // A negative descriptor is passed over.
  fds[1] = {.fd = accepts ? listener_->fd() : -1, .events = POLLIN, .revents = 0};
  if (now < rest_.until()) until = rest_.until();
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    const auto& conn = clients_[i];
    const short wanted = conn.answer ? POLLOUT : POLLIN;
    fds[2 + i] = {.fd = conn.fd.get(), .events = wanted, .revents = 0};
    until = std::min(until, conn.deadline);
  }
  int timeout = -1;
  if (until != clock::time_point::max())
    timeout = static_cast<int>(std::max<std::int64_t>(
        std::chrono::ceil<std::chrono::milliseconds>(until - now).count(), 0));
  if (::poll(fds.data(), 2 + clients_.size(), timeout) <= 0) return;
  stopping_ = fds[0].revents != 0;
  for (std::size_t i = 0; i < clients_.size(); ++i)
    clients_[i].ready = fds[2 + i].revents != 0;
  if (fds[1].revents != 0) accept_some();
}

void console_server::accept_some() {
  while (clients_.size() < max_console_clients) {
    auto result = listener_->accept();
    switch (result.outcome) {
      case net::accept_result::kind::accepted:
        clients_.push_back({.fd = std::move(result.fd),
                            .deadline = clock::now() + console_request_patience,
                            .request = {},
                            .answer = std::nullopt});
        break;
      case net::accept_result::kind::again:
        break;
      case net::accept_result::kind::none:
        return;
      case net::accept_result::kind::exhausted:
        if (const auto left_out = rest_.begin(clock::now()))
          spdlog::warn("console: accepting pauses: {}{}",
                       std::generic_category().message(result.error),
                       net::describe_left_out(*left_out));
        return;
    }
  }
}

bool console_server::serve(client& conn) {
  if (stopping_) return false;
  // What came while another one was answered is not late, however late we look.
  if (!std::exchange(conn.ready, false) && clock::now() < conn.deadline) return true;
  const bool goes_on = conn.answer ? write_answer(conn) : read_request(conn);
  return goes_on && clock::now() < conn.deadline;
}

bool console_server::read_request(client& conn) {
  std::array<char, max_console_request + 1> buffer;
  const auto size = ::recv(conn.fd.get(), buffer.data(), buffer.size(), 0);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  conn.request.append(buffer.data(), static_cast<std::size_t>(size));
  // The end of the stream ends a request, too.
  const auto end = size == 0 ? conn.request.size() : conn.request.find('\n');
  if (size == 0 && conn.request.empty()) return false;
  if (std::min(end, conn.request.size()) > max_console_request)
    conn.answer = framed(tl::unexpected{"the request is longer than " +
                                        std::to_string(max_console_request) + " bytes"});
  else if (end != std::string::npos)
    conn.answer = framed(answer_(std::string_view{conn.request}.substr(0, end)));
  else
    return true;
  conn.deadline = clock::now() + console_answer_patience;
  return write_answer(conn);
}

bool console_server::write_answer(client& conn) {
  for (const std::string_view all = *conn.answer; conn.sent < all.size();) {
    const auto left = all.substr(conn.sent);
    const auto size = ::send(conn.fd.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (size < 0) return errno == EAGAIN || errno == EINTR;
    conn.sent += static_cast<std::size_t>(size);
  }
  return false;
}

}  // namespace mtp::app
