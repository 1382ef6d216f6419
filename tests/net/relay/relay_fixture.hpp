// A relay between two TCP connections over loopback, on a loop that tests turn by hand.
#pragma once

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "net/loop/entropy.hpp"
#include "net/loop/socket_address.hpp"
#include "net/loop/socket_options.hpp"
#include "net/relay/relay.hpp"
#include "tests/support/test_loop.hpp"

namespace mtp::net {

using test::test_loop;

inline bytes of(std::string_view text) {
  return to_bytes(as_bytes(text));
}

/// A TCP connection over loopback.
struct relayed_connection {
  relayed_connection() {
    const unique_fd listening{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const auto any = to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0});
    REQUIRE(::bind(listening.get(), any.get(), any.size) == 0);
    REQUIRE(::listen(listening.get(), 1) == 0);
    const auto at = to_socket_address(local_endpoint(listening.get()));
    theirs = unique_fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::connect(theirs.get(), at.get(), at.size) == 0);
    ours = unique_fd{::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)};
    REQUIRE(ours);
    set_no_delay(theirs.get());
    set_no_delay(ours.get());
  }

  void send(byte_view data) const {
    REQUIRE(::send(theirs.get(), data.data(), data.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(data.size()));
  }
  void send(std::string_view text) const { send(as_bytes(text)); }
  void finish() const { REQUIRE(::shutdown(theirs.get(), SHUT_WR) == 0); }
  void reset() {
    set_reset_on_close(theirs.get(), true);
    theirs = {};
  }

  unique_fd ours;
  unique_fd theirs;
};

/// What a peer has read: bytes, and then perhaps the end or an error.
struct heard_bytes {
  bytes data;
  bool ended = false;
  int error = 0;

  void listen(int fd) {
    bytes buffer(65536);
    while (!ended && error == 0) {
      const auto size = ::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
      if (size > 0) append(data, byte_view{buffer}.first(static_cast<std::size_t>(size)));
      if (size == 0) ended = true;
      if (size < 0 && errno == EAGAIN) return;
      if (size < 0) error = errno;
    }
  }
};

struct relay_fixture : relay_owner {
  // As the proxy does.
  relay_fixture() { static_cast<void>(std::signal(SIGPIPE, SIG_IGN)); }
  relay_fixture(const relay_fixture&) = delete;
  relay_fixture& operator=(const relay_fixture&) = delete;
  relay_fixture(relay_fixture&&) = delete;
  relay_fixture& operator=(relay_fixture&&) = delete;
  virtual ~relay_fixture() {
    subject.close();
    loop.turn();
  }

  void on_far_speaks() override {
    ++spoke;
    if (joins_when_far_speaks) subject.attach_near(std::move(near.ours));
  }
  void on_relay_over(int error) override { over = error; }

  void join() {
    subject.attach_near(std::move(near.ours));
    subject.attach_far(std::move(far.ours));
  }
  /// Turns the loop until it holds; false after a while.
  template <class Predicate>
  bool soon(Predicate&& holds) {
    for (int i = 0; i < 10'000; ++i) {
      loop.turn();
      if (near.theirs) at_near.listen(near.theirs.get());
      if (far.theirs && reads_far) at_far.listen(far.theirs.get());
      if (holds()) return true;
      ::usleep(100);
    }
    return false;
  }
  void turn() {
    static_cast<void>(soon([n = 0]() mutable { return ++n == 20; }));
  }

  test_loop loop;
  pipe_pool pipes;
  relayed_connection near;
  relayed_connection far;
  heard_bytes at_near;
  heard_bytes at_far;
  bool reads_far = true;
  bool joins_when_far_speaks = false;
  int spoke = 0;
  std::optional<int> over;
  relay subject{loop, pipes, *this};
};

}  // namespace mtp::net
