// Nonce and handshake: the messages on an RPC connection before the first packet, and the proxy's
// side of them. Facts: doc/wire/rpc.md.
#pragma once

#include "codecs/base/error.hpp"
#include "codecs/telegram/full.hpp"
#include "codecs/telegram/middle_key.hpp"

namespace mtp::rpc {

inline constexpr std::uint32_t schema_aes = 1;
/// Flag of the handshake: frames after it carry CRC32C.
inline constexpr std::uint32_t handshake_crc32c = 0x800;
/// Clocks may differ by this much, seconds.
inline constexpr std::int64_t max_clock_skew = 30;

/// Names a process to its peer. Middle proxies send it back and look no further.
struct process_id {
  std::uint32_t ip = 0;
  std::uint16_t port = 0;
  std::uint16_t pid = 0;
  std::uint32_t start_time = 0;
  friend bool operator==(const process_id&, const process_id&) = default;
};

struct nonce_message {
  /// First 4 bytes of the proxy secret.
  std::uint32_t key_selector = 0;
  std::uint32_t schema = schema_aes;
  std::uint32_t time = 0;
  rpc_nonce nonce{};
};
void encode_nonce(const nonce_message& in, bytes& into);
/// Errors: `rpc_malformed`; `rpc_bad_schema` if the message is longer because of another schema.
[[nodiscard]] result<nonce_message> decode_nonce(byte_view body);

struct handshake_message {
  std::uint32_t flags = 0;
  process_id sender;
  process_id peer;
};
void encode_handshake(const handshake_message& in, bytes& into);
/// Errors: `rpc_malformed`, `rpc_refused` (the peer sent an error instead: see
/// `handshake_error_code`).
[[nodiscard]] result<handshake_message> decode_handshake(byte_view body);
/// The code of a handshake error message; 0 if `body` is none.
[[nodiscard]] std::int32_t handshake_error_code(byte_view body) noexcept;

/// The proxy's side. Bodies go in and out unframed; the first two messages are framed with CRC32.
class proxy_handshake {
 public:
  /// The input of this end. `secret` is copied.
  proxy_handshake(byte_view secret, const rpc_nonce& nonce, std::uint32_t unix_time,
                  const process_id& self);

  /// The first message, sent plain.
  [[nodiscard]] bytes nonce() const;

  struct keys {
    cipher_key to_dc;
    cipher_key from_dc;
  };
  /// Takes the middle proxy's nonce; everything after it, both ways, is encrypted with the keys.
  /// `unix_time` is our clock now. Errors: `rpc_malformed`, `rpc_bad_schema`,
  /// `rpc_bad_key_selector`, `rpc_clock_skew`.
  [[nodiscard]] result<keys> on_nonce(byte_view body, const endpoint& dc, const endpoint& self,
                                      std::uint32_t unix_time);
  /// How far the middle proxy's clock is ahead of ours, seconds; known after `on_nonce`.
  [[nodiscard]] std::int64_t clock_skew() const noexcept { return skew_; }

  /// The second message. CRC32C is used if both offer it.
  [[nodiscard]] bytes handshake(bool offer_crc32c = true) const;
  /// Takes the answer to it; the checksum of every later frame, both ways. Errors: `rpc_malformed`,
  /// `rpc_refused`, `rpc_bad_pid`, `rpc_bad_flags`.
  [[nodiscard]] result<checksum> on_handshake(byte_view body) const;

 private:
  bytes secret_;
  nonce_message mine_;
  process_id self_;
  std::int64_t skew_ = 0;
};

}  // namespace mtp::rpc
