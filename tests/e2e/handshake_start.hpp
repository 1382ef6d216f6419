// The first bytes of clients, to be sent more than once.
#pragma once

#include "net/loop/entropy.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {

/// Whether the proxy lets in somebody who sends this header, and a packet behind it.
inline bool lets_in(proxy_under_test& proxy, const bytes& start) {
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

}  // namespace mtp::test
