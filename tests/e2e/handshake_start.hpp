// The first bytes of clients, to be sent more than once.
#pragma once

#include "codecs/client/tls_client_hello.hpp"
#include "net/loop/entropy.hpp"
#include "net/loop/unix_time.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {

/// Whether a proxy, or a front, lets in somebody who sends this header, and a packet behind it; or
/// answers this hello.
template <class Proxy>
bool lets_in(const Proxy& proxy, const bytes& start) {
  auto socket = proxy.connect();
  REQUIRE(socket.send(start, soon()));
  bytes buffer(1024);
  const auto got = socket.receive(buffer, soon());
  return got && *got > 0;
}

/// The first bytes of a client.
inline bytes start_of(const secret16& secret, framing kind) {
  auto client = make_obfuscated2(net::random_array<obfuscated2_header_size>(), secret, kind, 2);
  obfuscated_writer writer{std::move(client.to_server), envelope::none};
  encode_frame(kind, random_packet(64), {}, writer.plain());
  auto start = to_bytes(client.header);
  append(start, writer.take());
  return start;
}

/// The first bytes of a client with fake-TLS.
inline bytes hello_of(const secret16& secret) {
  return make_client_hello(secret, "example.com", static_cast<std::uint32_t>(net::unix_time()),
                           net::random_array<client_hello_random_size>());
}

}  // namespace mtp::test
