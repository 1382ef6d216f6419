// Visitors that are no clients, and the cover site that they get to.
#pragma once

#include <ctime>

#include "codecs/client/tls_client_hello.hpp"
#include "net/loop/entropy.hpp"
#include "tests/e2e/harness.hpp"
#include "tests/support/cover_site.hpp"

namespace mtp::test {

inline bytes hello_for(const secret16& secret, std::string_view name = "example.com") {
  return make_client_hello(secret, name, static_cast<std::uint32_t>(std::time(nullptr)),
                           net::random_array<client_hello_random_size>());
}

/// Of a client that knows another secret.
inline bytes foreign_hello(std::string_view name = "example.com") {
  return hello_for(net::random_array<16>(), name);
}

/// So many bytes, no more and no less, within the time.
inline bytes receive(net::blocking_socket& from, std::size_t size) {
  bytes received;
  bytes buffer(65536);
  while (received.size() < size) {
    const auto got = from.receive(byte_span{buffer}.first(size - received.size()), soon());
    REQUIRE(got);
    REQUIRE(*got > 0);
    append(received, byte_view{buffer}.first(*got));
  }
  return received;
}

inline bytes of(std::string_view text) {
  return to_bytes(as_bytes(text));
}

/// The peer's FIN comes next.
inline void check_finished(net::blocking_socket& socket) {
  bytes buffer(1);
  const auto got = socket.receive(buffer, soon());
  REQUIRE(got);
  CHECK(*got == 0);
}

/// The peer's RST comes next.
inline void check_reset(net::blocking_socket& socket) {
  bytes buffer(1);
  const auto got = socket.receive(buffer, soon());
  REQUIRE_FALSE(got);
  INFO(got.error());
  CHECK(got.error().find("reset") != std::string::npos);
}

}  // namespace mtp::test
