// Two ends of a connection on loopback, and certificates for their TLS.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "net/loop/socket_address.hpp"
#include "net/loop/unique_fd.hpp"
#include "net/tls/tls_channel.hpp"
#include "tests/support/process.hpp"
#include "tests/support/test_certificates.hpp"

namespace mtp::net {

struct socket_ends {
  unique_fd back;
  unique_fd front;
};

/// Of TCP, non-blocking.
inline socket_ends make_connection() {
  const unique_fd listening{::socket(AF_INET, SOCK_STREAM, 0)};
  const auto any = to_socket_address({.ip = ip_address::v4({127, 0, 0, 1}), .port = 0});
  REQUIRE(::bind(listening.get(), any.get(), any.size) == 0);
  REQUIRE(::listen(listening.get(), 1) == 0);
  const auto where = to_socket_address(local_endpoint(listening.get()));
  socket_ends ends{.back = {}, .front = unique_fd{::socket(AF_INET, SOCK_STREAM, 0)}};
  REQUIRE(::connect(ends.front.get(), where.get(), where.size) == 0);
  ends.back = unique_fd{::accept(listening.get(), nullptr, nullptr)};
  for (const auto* fd : {&ends.back, &ends.front})
    REQUIRE(::fcntl(fd->get(), F_SETFL, O_NONBLOCK) == 0);
  return ends;
}

struct tls_fixture {
  struct tls_ends {
    socket_ends sockets;
    std::unique_ptr<tls_channel> back;
    std::unique_ptr<tls_channel> front;
  };

  /// Both ends after their handshake.
  [[nodiscard]] tls_ends shake_hands(
      std::uint64_t key_lifetime = tls_channel::records_per_key) const {
    tls_ends ends{.sockets = make_connection(), .back = {}, .front = {}};
    const auto name = [](const char* text) {
      return std::make_shared<const node_names>(node_names{text});
    };
    ends.back =
        std::make_unique<tls_channel>(back_context, ends.sockets.back.get(), name("front1"));
    ends.front = std::make_unique<tls_channel>(front_context, ends.sockets.front.get(),
                                               name("back1"), key_lifetime);
    REQUIRE(test::eventually(
        [&] {
          const auto dialing = ends.front->handshake();
          return ends.back->handshake() == tls_progress::done && dialing == tls_progress::done;
        },
        std::chrono::seconds{5}));
    return ends;
  }

  test::temporary_directory directory;
  test::certificate_authority ca{directory.path(), "ca"};
  std::shared_ptr<const tls_context> back_context =
      tls_context::load(ca.issue("back", {.name = "back1"}), tls_side::accepting).value();
  std::shared_ptr<const tls_context> front_context =
      tls_context::load(ca.issue("front", {.name = "front1"}), tls_side::dialing).value();
};

}  // namespace mtp::net
