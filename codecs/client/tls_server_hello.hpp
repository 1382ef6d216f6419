// The server's answer to a ClientHello: ServerHello, ChangeCipherSpec and one record that stands
// for the encrypted rest of the handshake. Facts: doc/wire/fake_tls.md.
#pragma once

#include "codecs/client/tls_client_hello.hpp"

namespace mtp {

/// Shares a ServerHello carries.
inline constexpr std::size_t x25519_key_size = 32;
inline constexpr std::size_t mlkem768_ciphertext_size = 1088;

/// The longest record behind a ServerHello that all clients accept (iOS).
inline constexpr std::size_t max_encrypted_flight = std::size_t{10} * 1024;

/// What an observer sees of the flight; `cover_profile` says what the cover site would send.
struct server_flight_plan {
  /// One that the client offered.
  std::uint16_t suite = tls_aes_128_gcm_sha256;
  /// x25519, or ML-KEM with it if the client sent a share for that.
  std::uint16_t group = group_x25519;
  /// Order of the two extensions.
  bool key_share_first = false;
  /// Payload of the one record that stands for the encrypted rest, 1 to `max_encrypted_flight`.
  std::size_t encrypted_size = 0;

  friend bool operator==(const server_flight_plan&, const server_flight_plan&) = default;
};

/// The random parts of the flight. The caller makes them, so that this stays a pure function.
struct server_flight_random {
  /// A public key on the curve, fresh for every connection: an observer can recognise a random
  /// string.
  std::array<std::uint8_t, x25519_key_size> x25519_key;
  /// Stands for the ML-KEM ciphertext, whose bytes look uniform. Used for that group only.
  std::array<std::uint8_t, mlkem768_ciphertext_size> mlkem_ciphertext;
  /// Stands for certificates and Finished: as many bytes as the plan says.
  byte_view encrypted;
};

/// The flight for `hello`, one write: clients compare ServerHello and the 11 bytes after it as they
/// arrive.
[[nodiscard]] bytes make_server_flight(const client_hello& hello, const secret16& secret,
                                       const server_flight_plan& plan,
                                       const server_flight_random& random);

/// The client's side: checks a flight against the random of the hello it answers. Returns the bytes
/// it takes. Errors: `tls_bad_record` (not such a flight), `tls_invalid_digest` (another secret).
[[nodiscard]] decoded<std::size_t> check_server_flight(byte_view in, byte_view client_random,
                                                       const secret16& secret);

}  // namespace mtp
