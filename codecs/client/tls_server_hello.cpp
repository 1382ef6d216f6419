#include "codecs/client/tls_server_hello.hpp"

#include <algorithm>

#include "codecs/client/tls_records.hpp"

namespace mtp {

namespace {

constexpr std::size_t server_random_at = 11;
constexpr std::size_t server_random_size = 32;
constexpr std::array<std::uint8_t, 6> change_cipher_spec{tls_change_cipher_spec, 3, 3, 0, 1, 1};

void add(bytes& into, std::initializer_list<std::uint8_t> in) {
  into.insert(into.end(), in);
}

void add_key_share(const server_flight_plan& plan, const server_flight_random& random,
                   bytes& into) {
  const bool mlkem = plan.group == group_x25519_mlkem768;
  const auto key_size = x25519_key_size + (mlkem ? mlkem768_ciphertext_size : 0);
  append_be16(into, ext_key_share);
  append_be16(into, 4 + key_size);
  append_be16(into, mlkem ? group_x25519_mlkem768 : group_x25519);
  append_be16(into, key_size);
  if (mlkem) append(into, random.mlkem_ciphertext);
  append(into, random.x25519_key);
}

bytes server_hello(const client_hello& hello, const server_flight_plan& plan,
                   const server_flight_random& random) {
  bytes body{3, 3};
  body.resize(body.size() + server_random_size);  // the digest comes here
  body.push_back(static_cast<std::uint8_t>(hello.session_id.size()));
  append(body, hello.session_id);
  append_be16(body, plan.suite);
  body.push_back(0);  // compression: none
  bytes extensions;
  if (plan.key_share_first) add_key_share(plan, random, extensions);
  add(extensions, {0x00, 0x2b, 0x00, 0x02, 0x03, 0x04});  // supported_versions: TLS 1.3
  if (!plan.key_share_first) add_key_share(plan, random, extensions);
  append_be16(body, extensions.size());
  append(body, extensions);

  bytes record{tls_handshake, 3, 3};
  append_be16(record, body.size() + 4);
  add(record, {2, 0});
  append_be16(record, body.size());
  append(record, body);
  return record;
}

sha256_digest digest_of(byte_view flight, byte_view client_random, const secret16& secret) {
  static constexpr std::array<std::uint8_t, server_random_size> zeros{};
  return hmac_sha256(secret, {client_random, flight.first(server_random_at), zeros,
                              flight.subspan(server_random_at + server_random_size)});
}

/// Where the record ends that starts at `at` with these bytes, which its length follows.
decoded<std::size_t> record_end(byte_view in, std::size_t at, byte_view start) {
  const auto rest = in.subspan(at);
  const auto known = std::min(rest.size(), start.size());
  if (!std::ranges::equal(rest.first(known), start.first(known))) return fail(errc::tls_bad_record);
  if (rest.size() < start.size() + 2) return std::nullopt;
  const auto end = at + start.size() + 2 + load_be16(rest.subspan(start.size()));
  if (in.size() < end) return std::nullopt;
  return end;
}

}  // namespace

bytes make_server_flight(const client_hello& hello, const secret16& secret,
                         const server_flight_plan& plan, const server_flight_random& random) {
  auto flight = server_hello(hello, plan, random);
  append(flight, change_cipher_spec);
  append_tls_records(random.encrypted, random.encrypted.size(), flight);
  const auto digest = digest_of(flight, hello.random, secret);
  std::ranges::copy(digest, flight.begin() + server_random_at);
  return flight;
}

decoded<std::size_t> check_server_flight(byte_view in, byte_view client_random,
                                         const secret16& secret) {
  // Clients compare these bytes, and take nothing else for a flight.
  static constexpr std::array<std::uint8_t, 3> hello_start{tls_handshake, 3, 3};
  static constexpr std::array<std::uint8_t, 9> encrypted_start{
      tls_change_cipher_spec, 3, 3, 0, 1, 1, tls_application_data, 3, 3};
  std::size_t total = 0;
  for (const byte_view start : {byte_view{hello_start}, byte_view{encrypted_start}}) {
    const auto end = record_end(in, total, start);
    if (!end) return fail(end.error());
    if (!*end) return std::nullopt;
    total = **end;
  }
  const auto flight = in.first(total);
  if (load_be16(flight.subspan(3)) < server_random_at + server_random_size - tls_record_header_size)
    return fail(errc::tls_bad_record);
  if (!equal_constant_time(digest_of(flight, client_random, secret),
                           flight.subspan(server_random_at, server_random_size)))
    return fail(errc::tls_invalid_digest);
  return total;
}

}  // namespace mtp
