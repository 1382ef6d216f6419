// Bytes that no client sends, and those that only a holder of the secret can: the first 64 of
// every connection go through the ciphers. Also run on the model of a processor that lacks all of
// AES-NI, PCLMULQDQ and SSE4.2 (tests/e2e/CMakeLists.txt).
#include <ctime>

#include "codecs/client/client_handshake.hpp"
#include "net/loop/entropy.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

/// A hello that is signed, with some bytes of what it says changed.
bytes odd_hello(const secret16& secret) {
  auto hello =
      make_client_hello(secret, "example.com", static_cast<std::uint32_t>(std::time(nullptr)),
                        net::random_array<client_hello_random_size>());
  const auto behind_random = client_random_at + client_random_size;
  for (int i = 0; i < 20; ++i)
    hello[net::random_between(behind_random, hello.size() - 1)] ^=
        net::random_between<std::uint8_t>(1, 255);
  sign_client_hello(hello, secret, static_cast<std::uint32_t>(std::time(nullptr)));
  return hello;
}

bytes header_of(const secret16& secret) {
  return to_bytes(
      make_obfuscated2(net::random_array<obfuscated2_header_size>(), secret, framing::padded, 2)
          .header);
}

/// What a hostile peer may send; `kind` says which.
bytes hostile_bytes(int kind, const secret16& secret) {
  const auto other = net::random_array<16>();
  switch (kind) {
    case 0:
      return random_packet(64);
    case 1:
      return random_packet(net::random_between<std::size_t>(1, 20'000));
    case 2:
      return header_of(other);
    case 3: {
      // A client, whose packets are of impossible lengths.
      auto sent = header_of(secret);
      append(sent, random_packet(net::random_between<std::size_t>(1, 20'000)));
      return sent;
    }
    case 4: {
      auto sent = odd_hello(secret);
      append(sent, random_packet(net::random_between<std::size_t>(1, 2'000)));
      return sent;
    }
    case 5: {
      auto sent = odd_hello(secret);
      append_tls_records(random_packet(100), 50, sent);
      return sent;
    }
    case 6:
      return odd_hello(other);
    case 7: {
      auto sent = odd_hello(secret);
      sent.resize(net::random_between<std::size_t>(1, sent.size() - 1));
      return sent;
    }
    default:
      return to_bytes(as_bytes("GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"));
  }
}

TEST_CASE("a load of hostile bytes: nobody else notices") {
  const fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  std::vector<net::proxy_client> bystanders;
  for (const auto& how : all_protocols())
    bystanders.push_back(proxy.client(how));
  bytes buffer(65536);
  constexpr int kinds = 9;
  for (int round = 0; round < 40 * kinds; ++round) {
    auto socket = proxy.connect();
    static_cast<void>(socket.send(hostile_bytes(round % kinds, proxy.secret()), soon()));
    // Some stay for the answer.
    if (round % 2 == 0)
      static_cast<void>(
          socket.receive(buffer, net::proxy_client::clock::now() + std::chrono::milliseconds{20}));
    if (round % 8 == 0) check_echo(bystanders[round / 8 % bystanders.size()], 64);
  }
  for (const auto& how : all_protocols()) {
    CAPTURE(how.name);
    auto later = proxy.client(how);
    check_echo(later, 200'000);
  }
  for (auto& client : bystanders)
    check_echo(client, 100'000);
  for (auto* const node : proxy.nodes())
    CHECK(node->running());
  CHECK(telegram.complaints().empty());
}

}  // namespace
}  // namespace mtp::test
