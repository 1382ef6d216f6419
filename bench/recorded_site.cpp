#include "bench/recorded_site.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <system_error>
#include <vector>

#include "bench/loopback_port.hpp"
#include "codecs/client/tls_client_hello.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "net/loop/unix_time.hpp"

namespace mtp::bench {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::size_t flight_size = std::size_t{4} * 1024;
constexpr std::size_t read_size = std::size_t{16} * 1024;
constexpr std::size_t most_events = 256;
/// How often a thread looks whether it is to stop.
constexpr int look_ms = 50;
/// With so many visits unanswered, something has failed.
constexpr std::size_t most_waiting = 4000;

[[noreturn]] void fail_with(const std::string& action, int error) {
  throw std::runtime_error{action + ": " + std::generic_category().message(error)};
}

net::unique_fd make_epoll() {
  net::unique_fd made{::epoll_create1(EPOLL_CLOEXEC)};
  if (!made) fail_with("epoll_create1", errno);
  return made;
}

void watch(const net::unique_fd& epoll, int fd, std::uint32_t events, int how = EPOLL_CTL_ADD) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll.get(), how, fd, &event) != 0) fail_with("epoll_ctl", errno);
}

/// Before `fd` is closed. Closing alone does not end its events while a process that is being
/// started has a copy of it, and they would be taken for those of the next connection with this
/// number.
void forget(const net::unique_fd& epoll, int fd) {
  ::epoll_ctl(epoll.get(), EPOLL_CTL_DEL, fd, nullptr);
}

/// Calls `handle` with each descriptor that has something.
template <typename Handle>
void wait(const net::unique_fd& epoll, int limit_ms, Handle handle) {
  std::array<epoll_event, most_events> events{};
  const int count = ::epoll_wait(epoll.get(), events.data(), most_events, limit_ms);
  for (int i = 0; i < count; ++i)
    handle(events.at(static_cast<std::size_t>(i)).data.fd);
}

/// What `recv` returns, with bytes that nobody looks at.
ssize_t receive(int fd) {
  std::array<std::uint8_t, read_size> buffer;
  return ::recv(fd, buffer.data(), buffer.size(), 0);
}

/// The socket takes it at once: it is small, and the first one.
void send_all(int fd, byte_view data) {
  if (::send(fd, data.data(), data.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(data.size()))
    fail_with("send", errno);
}

}  // namespace

const recorded_visit& recorded_hello() {
  static const recorded_visit visit{
      .request = make_client_hello(net::random_array<16>(), "example.com",
                                   static_cast<std::uint32_t>(net::unix_time()),
                                   net::random_array<client_hello_random_size>()),
      .answer = bytes(flight_size, 0x17)};
  return visit;
}

// -- the site -------------------------------------------------------------------------------------

recorded_site::recorded_site() : epoll_{make_epoll()}, listening_{bind_loopback()} {
  watch(epoll_, listening_.socket(0), EPOLLIN);
  thread_ = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
}

void recorded_site::run(const std::stop_token& stop) {
  while (!stop.stop_requested())
    wait(epoll_, look_ms, [&](int fd) {
      if (fd == listening_.socket(0)) return accept_all();
      serve(fd);
    });
}

void recorded_site::accept_all() {
  while (true) {
    const int fd = ::accept4(listening_.socket(0), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    visits_[fd] = {.fd = net::unique_fd{fd}};
    watch(epoll_, fd, EPOLLIN);
  }
}

void recorded_site::serve(int visitor) {
  const auto size = receive(visitor);
  // Visitors notice by themselves if a visit has failed.
  if (size <= 0) {
    forget(epoll_, visitor);
    visits_.erase(visitor);
    return;
  }
  auto& got = visits_.at(visitor).got;
  got += static_cast<std::size_t>(size);
  const auto& answer = recorded_hello().answer;
  if (got == recorded_hello().request.size())
    static_cast<void>(::send(visitor, answer.data(), answer.size(), MSG_NOSIGNAL));
}

// -- visitors -------------------------------------------------------------------------------------

visitors::visitors(std::uint16_t port, double per_second)
    : epoll_{make_epoll()}, thread_{[this, port, per_second](const std::stop_token& stop) {
        try {
          run(stop, port, per_second);
        } catch (const std::exception& e) {
          const std::lock_guard lock{mutex_};
          problem_ = e.what();
        }
      }} {}

std::uint64_t visitors::done() {
  const std::lock_guard lock{mutex_};
  if (!problem_.empty()) throw std::runtime_error{"a visitor: " + problem_};
  return done_;
}

void visitors::run(const std::stop_token& stop, std::uint16_t port, double per_second) {
  const auto begun = clock::now();
  while (!stop.stop_requested()) {
    const auto passed = std::chrono::duration<double>(clock::now() - begun).count();
    for (const auto due = static_cast<std::uint64_t>(passed * per_second); started_ < due;)
      start(port);
    if (visits_.size() > most_waiting) throw std::runtime_error{"no answers any more"};
    wait(epoll_, 1, [&](int fd) { serve(fd); });
  }
}

void visitors::start(std::uint16_t port) {
  ++started_;
  net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd) fail_with("socket", errno);
  net::set_no_delay(fd.get());
  const auto to = net::to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = port});
  if (::connect(fd.get(), to.get(), to.size) != 0 && errno != EINPROGRESS)
    fail_with("connect", errno);
  watch(epoll_, fd.get(), EPOLLOUT);
  const int number = fd.get();
  visits_[number] = {.fd = std::move(fd)};
}

void visitors::serve(int fd) {
  auto& at = visits_.at(fd);
  if (!at.asked) {
    if (const int error = net::take_error(fd); error != 0) fail_with("connect", error);
    send_all(fd, recorded_hello().request);
    at.asked = true;
    return watch(epoll_, fd, EPOLLIN, EPOLL_CTL_MOD);
  }
  const auto size = receive(fd);
  if (size < 0) fail_with("receive", errno);
  if (size == 0) throw std::runtime_error{"closed without the whole answer"};
  at.got += static_cast<std::size_t>(size);
  if (at.got < recorded_hello().answer.size()) return;
  forget(epoll_, fd);
  visits_.erase(fd);
  ++done_;
}

}  // namespace mtp::bench
