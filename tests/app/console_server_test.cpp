#include "app/console_server.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <cerrno>
#include <filesystem>

#include "net/loop/blocking_socket.hpp"
#include "tests/support/process.hpp"

namespace mtp::app {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

struct fixture {
  test::temporary_directory directory;
  std::string path = (directory.path() / "console.sock").string();
  std::string last_request;
  std::unique_ptr<console_server> server;

  fixture() {
    start([this](std::string_view line) -> tl::expected<std::string, std::string> {
      last_request = line;
      if (line == "bad") return tl::unexpected<std::string>{"no such thing"};
      if (line == "long") return std::string(max_console_answer, 'x') + '\n';
      if (line == "lines") return std::string(2 * max_console_answer, '\n');
      return "you said " + std::string{line} + '\n';
    });
  }

  void start(console_answer answer) {
    auto opened = console_server::open(path, std::move(answer));
    REQUIRE(opened);
    server = std::move(*opened);
  }
  net::blocking_socket connect() const {
    auto fd = net::connect_unix(path);
    // The queue may be full.
    REQUIRE(test::eventually(
        [&] {
          if (!fd && fd.error() == EAGAIN) fd = net::connect_unix(path);
          return fd.has_value();
        },
        20s));
    return net::blocking_socket{std::move(*fd)};
  }
  /// What comes until the end, or for `limit`.
  static std::string receive(net::blocking_socket& from, clock::duration limit = 10s) {
    const auto deadline = clock::now() + limit;
    std::string received;
    bytes buffer(65536);
    while (true) {
      const auto got = from.receive(buffer, deadline);
      if (!got || *got == 0) return received;
      received += as_text(byte_view{buffer}.first(*got));
    }
  }
  std::string ask(const std::string& text) const {
    auto socket = connect();
    REQUIRE(socket.send(as_bytes(text), clock::now() + 10s));
    return receive(socket);
  }
};

TEST_CASE_FIXTURE(fixture, "console server: a line is answered, with a status in front") {
  CHECK(ask("hello there\n") == "ok\nyou said hello there\n");
  CHECK(ask("bad\n") == "error: no such thing\n");
  CHECK(ask("one\ntwo\n") == "ok\nyou said one\n");
  CHECK(ask("\n") == "ok\nyou said \n");
}

TEST_CASE_FIXTURE(fixture,
                  "console server: a request may come in pieces, and end without a line's end") {
  auto socket = connect();
  for (const auto* const piece : {"he", "ll", "o"})
    REQUIRE(socket.send(as_bytes(std::string_view{piece}), clock::now() + 10s));
  ::shutdown(socket.fd(), SHUT_WR);
  CHECK(receive(socket) == "ok\nyou said hello\n");
}

TEST_CASE_FIXTURE(fixture, "console server: a request beyond 1 KiB is refused") {
  const std::string longest(max_console_request, 'a');
  CHECK(ask(longest + '\n') == "ok\nyou said " + longest + '\n');
  last_request.clear();
  for (const std::string end : {"\n", "", "bbbb"})
    CHECK(ask(longest + 'a' + end) == "error: the request is longer than 1024 bytes\n");
  // It is answered before all of it is sent.
  auto longer = connect();
  static_cast<void>(longer.send(as_bytes(std::string(100'000, 'a')), clock::now() + 10s));
  CHECK(receive(longer).starts_with("error: the request is longer"));
  CHECK(last_request.empty());
}

TEST_CASE_FIXTURE(fixture, "console server: an answer is cut at a line's end") {
  const auto lines = ask("lines\n");
  CHECK(lines.size() <= max_console_answer + 100);
  CHECK(lines.size() > max_console_answer - 100);
  CHECK(lines.ends_with("\n\nthe rest is left out\n"));
  CHECK(ask("long\n") == "ok\nthe rest is left out\n");
}

TEST_CASE_FIXTURE(fixture, "console server: who says nothing, or not enough, delays nobody") {
  std::vector<net::blocking_socket> silent;
  for (std::size_t i = 0; i + 1 < max_console_clients; ++i)
    silent.push_back(connect());
  REQUIRE(silent.front().send(as_bytes(std::string_view{"hel"}), clock::now() + 10s));
  const auto begun = clock::now();
  CHECK(ask("hello\n") == "ok\nyou said hello\n");
  CHECK(clock::now() - begun < 1s);
  for (auto& socket : silent)
    CHECK(receive(socket).empty());
  CHECK(clock::now() - begun < 5s);
}

TEST_CASE_FIXTURE(
    fixture, "console server: if all there may be say nothing, others wait for a bounded time") {
  std::vector<net::blocking_socket> silent;
  for (std::size_t i = 0; i < max_console_clients; ++i)
    silent.push_back(connect());
  const auto begun = clock::now();
  CHECK(ask("hello\n") == "ok\nyou said hello\n");
  const auto waited = clock::now() - begun;
  CHECK(waited > 1s);
  CHECK(waited < 4s);
  for (auto& socket : silent)
    CHECK(receive(socket).empty());
}

TEST_CASE_FIXTURE(fixture,
                  "console server: who does not take the answer, or leaves, does no harm") {
  auto greedy = connect();
  REQUIRE(greedy.send(as_bytes(std::string_view{"lines\n"}), clock::now() + 10s));
  for (int i = 0; i < 50; ++i) {
    auto gone = connect();
    static_cast<void>(
        gone.send(as_bytes(std::string_view{i % 2 == 0 ? "lines\n" : "li"}), clock::now() + 10s));
  }
  CHECK(ask("hello\n") == "ok\nyou said hello\n");
}

TEST_CASE_FIXTURE(fixture,
                  "console server: its end does not wait for clients, and removes the socket") {
  auto silent = connect();
  auto greedy = connect();
  REQUIRE(greedy.send(as_bytes(std::string_view{"lines\n"}), clock::now() + 10s));
  const auto begun = clock::now();
  server.reset();
  CHECK(clock::now() - begun < 2s);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK(receive(silent).empty());
}

TEST_CASE_FIXTURE(fixture, "console server: the socket can be removed while it serves") {
  auto early = connect();
  server->remove_socket();
  CHECK_FALSE(std::filesystem::exists(path));
  REQUIRE(early.send(as_bytes(std::string_view{"x\n"}), clock::now() + 10s));
  CHECK(receive(early) == "ok\nyou said x\n");
}

TEST_CASE_FIXTURE(fixture, "console server: a path that can't be served is an error") {
  const auto second = console_server::open(path, [](std::string_view) { return std::string{}; });
  REQUIRE_FALSE(second);
  CHECK(second.error().find("is served by another process") != std::string::npos);
  CHECK(ask("x\n") == "ok\nyou said x\n");
}

}  // namespace
}  // namespace mtp::app
