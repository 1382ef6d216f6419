#include "net/loop/receive_buffer.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "net/loop/unique_fd.hpp"

namespace mtp::net {

namespace {

struct connection {
  connection() {
    std::array<int, 2> fds{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0);
    here = unique_fd{fds[0]};
    there = unique_fd{fds[1]};
  }
  void send(const bytes& data) const {
    REQUIRE(::send(there.get(), data.data(), data.size(), 0) == static_cast<ssize_t>(data.size()));
  }
  ssize_t receive(std::size_t size) {
    got.assign(size, 0);
    const auto received = buffer.receive(here.get(), got);
    if (received >= 0) got.resize(static_cast<std::size_t>(received));
    return received;
  }

  unique_fd here;
  unique_fd there;
  receive_buffer buffer;
  bytes got;
};

bytes counting(std::size_t size) {
  bytes filled(size);
  for (std::size_t i = 0; i < size; ++i)
    filled[i] = static_cast<std::uint8_t>(i * 7 + i / 256);
  return filled;
}

}  // namespace

TEST_CASE_FIXTURE(connection, "receive buffer: small reads of what came at once") {
  send({1, 2, 3, 4, 5});
  REQUIRE(receive(2) == 2);
  CHECK(got == bytes{1, 2});
  // The kernel has nothing left.
  std::uint8_t byte = 0;
  CHECK(::recv(here.get(), &byte, 1, MSG_PEEK) == -1);
  REQUIRE(receive(10) == 3);
  CHECK(got == bytes{3, 4, 5});
}

TEST_CASE_FIXTURE(connection, "receive buffer: an emptied socket is not asked, but once") {
  send({1});
  REQUIRE(receive(1) == 1);
  send({2});
  errno = 0;
  CHECK(receive(1) == -1);
  CHECK(errno == EAGAIN);
  REQUIRE(receive(1) == 1);
  CHECK(got == bytes{2});
}

TEST_CASE_FIXTURE(connection, "receive buffer: all that came is there before the end") {
  const auto sent = counting(receive_buffer::capacity * 3 / 2);
  send(sent);
  there = unique_fd{};
  bytes all;
  for (auto size = receive(10'000); size != 0; size = receive(10'000)) {
    REQUIRE((size > 0 || errno == EAGAIN));
    if (size > 0) append(all, got);
  }
  CHECK(all == sent);
}

TEST_CASE_FIXTURE(connection, "receive buffer: errors are the socket's") {
  here = unique_fd{};
  CHECK(receive(1) == -1);
  CHECK(errno == EBADF);
}

}  // namespace mtp::net
