#include "app/metrics_endpoint.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <thread>

#include "net/loop/blocking_socket.hpp"
#include "net/loop/socket_address.hpp"
#include "tests/support/process.hpp"

namespace mtp::app {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr auto patience = 20s;
/// An answer that others must not delay: a thousand times what one takes on a quiet machine.
constexpr auto at_once = 1s;

const std::string get = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n";

struct fixture {
  std::string text = "a_total 1\n";
  std::atomic<int> texts = 0;
  std::function<void()> before_text = [] {};
  std::unique_ptr<metrics_endpoint> served;

  explicit fixture(const std::string& ip = "127.0.0.1") : ip_{ip} { start({}); }

  void start(const metrics_patience& how) {
    served.reset();
    auto opened = metrics_endpoint::open(
        {.ip = *ip_address::parse(ip_), .port = 0},
        [this] {
          ++texts;
          before_text();
          return text;
        },
        how);
    REQUIRE(opened);
    served = std::move(*opened);
  }
  [[nodiscard]] net::blocking_socket connect() const {
    auto socket = net::blocking_socket::connect(ip_, served->where().port, clock::now() + patience);
    REQUIRE(socket);
    return std::move(*socket);
  }
  /// One that has sent this.
  [[nodiscard]] net::blocking_socket connect(const std::string& sent) const {
    auto socket = connect();
    REQUIRE(socket.send(as_bytes(sent), clock::now() + patience));
    return socket;
  }
  [[nodiscard]] std::vector<net::blocking_socket> connect_many(int count,
                                                               const std::string& sent = {}) const {
    std::vector<net::blocking_socket> sockets;
    for (int i = 0; i < count; ++i) {
      sockets.push_back(connect());
      // It may have lost its place already.
      static_cast<void>(sockets.back().send(as_bytes(sent), clock::now() + patience));
    }
    return sockets;
  }
  /// What comes until the end, in order or not.
  static std::string receive(net::blocking_socket& from) {
    std::string received;
    bytes buffer(65536);
    while (true) {
      const auto got = from.receive(buffer, clock::now() + patience);
      if (!got || *got == 0) return received;
      received += as_text(byte_view{buffer}.first(*got));
    }
  }
  [[nodiscard]] std::string ask(const std::string& request) const {
    auto socket = connect(request);
    return receive(socket);
  }
  /// How long a scrape takes.
  [[nodiscard]] clock::duration scrape() const {
    const auto begun = clock::now();
    const auto got = ask(get);
    INFO(got);
    CHECK(got.starts_with("HTTP/1.1 200 "));
    CHECK(got.ends_with("\r\n\r\n" + text));
    return clock::now() - begun;
  }

 private:
  std::string ip_;
};

bool is_cut(const net::blocking_socket& socket) {
  pollfd state{.fd = socket.fd(), .events = 0, .revents = 0};
  return ::poll(&state, 1, 0) == 1 && (state.revents & POLLHUP) != 0;
}

std::string body_of(const std::string& answer) {
  return answer.substr(answer.find("\r\n\r\n") + 4);
}

TEST_CASE_FIXTURE(fixture, "metrics endpoint: GET and HEAD of /metrics, and nothing else") {
  const auto got = ask(get);
  CHECK(got.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(got.find("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n") !=
        std::string::npos);
  CHECK(got.find("\r\nConnection: close\r\n") != std::string::npos);
  CHECK(body_of(got) == text);
  CHECK(body_of(ask("GET /metrics?a=b HTTP/1.0\r\n\r\n")) == text);

  const auto head = ask("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(head.starts_with("HTTP/1.1 200 OK\r\n"));
  CHECK(head.find("\r\nContent-Length: 10\r\n") != std::string::npos);
  CHECK(body_of(head).empty());

  for (const std::string path : {"/", "/metric", "/metrics/", "/metrics2", "*"})
    CHECK(ask("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n").starts_with("HTTP/1.1 404 "));
  for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "BREW"}) {
    const auto refused =
        ask(method + " /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab");
    CHECK(refused.starts_with("HTTP/1.1 405 "));
    CHECK(refused.find("\r\nAllow: GET, HEAD\r\n") != std::string::npos);
  }
  std::string endless(100'000, 'a');
  endless += "\r\n\r\n";
  CHECK(ask(endless).find("200 OK") == std::string::npos);
  CHECK(texts == 3);
}

TEST_CASE("metrics endpoint: IPv6") {
  const fixture v6{"::1"};
  CHECK(v6.scrape() < at_once);
}

TEST_CASE_FIXTURE(fixture, "metrics endpoint: a request may come in pieces, and finish sending") {
  auto socket = connect();
  for (const auto letter : get)
    REQUIRE(socket.send(as_bytes(std::string_view{&letter, 1}), clock::now() + patience));
  ::shutdown(socket.fd(), SHUT_WR);
  CHECK(body_of(receive(socket)) == text);
}

TEST_CASE_FIXTURE(fixture,
                  "metrics endpoint: connections that say nothing, or not enough, delay "
                  "nobody and are closed") {
  start({.request = 500ms});
  for (const int count : {1, 50, 500})
    for (const std::string said : {"", "GET /metrics HTTP/1.1\r\nHost"}) {
      CAPTURE(count);
      CAPTURE(said);
      auto others = connect_many(count, said);
      const auto begun = clock::now();
      CHECK(scrape() < at_once);
      CHECK(scrape() < at_once);
      for (auto& peer : others)
        CHECK(receive(peer).empty());
      CHECK(clock::now() - begun < 3s);
    }
}

TEST_CASE_FIXTURE(fixture, "metrics endpoint: the time for a request is for all of it") {
  auto slow = connect();
  const auto begun = clock::now();
  const std::string endless = "GET /metrics HTTP/1.1\r\nX: " + std::string(1000, 'x');
  std::size_t sent = 0;
  CHECK(test::eventually(
      [&] { return !slow.send(as_bytes(endless.substr(sent++, 1)), clock::now() + patience); },
      patience));
  CHECK(clock::now() - begun > 1500ms);
  CHECK(clock::now() - begun < 5s);
}

TEST_CASE_FIXTURE(fixture, "metrics endpoint: who does not read the answer delays nobody") {
  // More than the kernel takes.
  text = std::string(std::size_t{32} << 20, 'x');
  start({.answer = 500ms});
  auto others = connect_many(100, get);
  CHECK(scrape() < 5s);
  for (const auto& peer : others)
    CHECK(test::eventually([&] { return is_cut(peer); }, patience));
  CHECK(scrape() < 5s);
}

TEST_CASE_FIXTURE(fixture, "metrics endpoint: an answer that takes long is made once for many") {
  before_text = [] { std::this_thread::sleep_for(300ms); };
  std::vector<std::jthread> threads;
  std::atomic<clock::duration> longest{};
  for (int i = 0; i < 20; ++i)
    threads.emplace_back([&] {
      const auto took = scrape();
      for (auto before = longest.load();
           took > before && !longest.compare_exchange_weak(before, took);) {
      }
    });
  threads.clear();
  CHECK(longest.load() < 1500ms);
  CHECK(texts <= 4);
}

/// A connection from another address of this machine, or none.
net::unique_fd connect_from(const std::string& ip, const endpoint& to) {
  net::unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto near = net::to_socket_address({.ip = *ip_address::parse(ip), .port = 0});
  const auto far = net::to_socket_address(to);
  if (::bind(fd.get(), near.get(), near.size) != 0 || ::connect(fd.get(), far.get(), far.size) != 0)
    return {};
  return fd;
}

TEST_CASE_FIXTURE(fixture, "metrics endpoint: scrapes get through a flood from another address") {
  std::atomic<bool> stop = false;
  std::atomic<int> opened = 0;
  std::vector<std::jthread> flood;
  for (int i = 0; i < 2; ++i)
    flood.emplace_back([&] {
      std::vector<net::unique_fd> held;
      while (!stop) {
        held.push_back(connect_from("127.0.0.2", served->where()));
        if (held.back()) ++opened;
        if (held.size() > 300) held.clear();
      }
    });
  CHECK(test::eventually([&] { return opened > 1000; }, patience));
  for (int i = 0; i < 100; ++i)
    CHECK(scrape() < at_once);
  stop = true;
}

TEST_CASE_FIXTURE(fixture, "metrics endpoint: its end waits for nobody but a text under way") {
  text = std::string(std::size_t{32} << 20, 'x');
  auto idle = connect_many(20);
  auto greedy = connect_many(20, get);
  CHECK(scrape() < 5s);
  auto begun = clock::now();
  served.reset();
  CHECK(clock::now() - begun < 1s);

  before_text = [] { std::this_thread::sleep_for(300ms); };
  start({});
  const auto before = texts.load();
  const auto waits = connect(get);
  REQUIRE(test::eventually([&] { return texts > before; }, patience));
  begun = clock::now();
  served.reset();
  CHECK(clock::now() - begun < 1500ms);
}

TEST_CASE_FIXTURE(fixture, "metrics endpoint: an address that can't be served is told") {
  const auto second = metrics_endpoint::open(served->where(), [] { return std::string{}; });
  REQUIRE_FALSE(second);
  CHECK(second.error() == "metrics: " + to_string(served->where()) +
                              " is already served by another process; stop it or choose another "
                              "port");
}

}  // namespace
}  // namespace mtp::app
