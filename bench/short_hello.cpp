#include "bench/short_hello.hpp"

#include "codecs/client/tls_records.hpp"

namespace mtp::bench {

namespace {

constexpr std::size_t hello_size = 517;

void add(bytes& into, std::initializer_list<std::uint8_t> in) {
  into.insert(into.end(), in);
}

}  // namespace

bytes make_short_hello(const secret16& secret, std::string_view sni, std::uint32_t unix_time,
                       std::span<const std::uint8_t, short_hello_random_size> random) {
  // Lengths of record and message are known: the padding extension makes up for the rest.
  bytes hello{tls_handshake, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3};
  hello.resize(hello.size() + client_random_size);
  hello.push_back(32);
  append(hello, random.first<32>());
  add(hello, {0, 6, 0x13, 1, 0x13, 2, 0x13, 3});  // suites
  add(hello, {1, 0});                             // compression: none
  append_be16(hello, hello_size - hello.size() - 2);
  add(hello, {0, 0});  // server_name
  append_be16(hello, sni.size() + 5);
  append_be16(hello, sni.size() + 3);
  hello.push_back(0);
  append_be16(hello, sni.size());
  append(hello, as_bytes(sni));
  add(hello, {0, 0x0a, 0, 4, 0, 2, 0, 0x1d});                 // supported_groups: x25519
  add(hello, {0, 0x0d, 0, 8, 0, 6, 4, 3, 8, 4, 4, 1});        // signature_algorithms
  add(hello, {0, 0x33, 0, 0x26, 0, 0x24, 0, 0x1d, 0, 0x20});  // key_share: x25519
  append(hello, random.last<32>());
  add(hello,
      {0, 0x2d, 0, 2, 1, 1, 0, 0x2b, 0, 3, 2, 3, 4, 0, 0x15});  // psk modes, versions, padding
  append_be16(hello, hello_size - hello.size() - 2);
  hello.resize(hello_size);
  sign_client_hello(hello, secret, unix_time);
  return hello;
}

}  // namespace mtp::bench
