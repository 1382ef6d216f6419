// Keys of the RPC connection to a middle proxy. Facts: doc/wire/rpc.md.
#pragma once

#include "codecs/base/address.hpp"
#include "codecs/base/crypto.hpp"

namespace mtp {

using rpc_nonce = std::array<std::uint8_t, 16>;

/// The input that both ends put into the derivation.
struct middle_key_input {
  rpc_nonce server_nonce;
  rpc_nonce client_nonce;
  /// The client's (our) clock as sent in its nonce message.
  std::uint32_t client_time = 0;
  /// Both are of one family, as Telegram sees them: behind NAT, `client` has our external address
  /// and the port on the wire.
  endpoint server;
  endpoint client;
  /// The proxy secret: 32..256 bytes.
  byte_view secret;
};

struct cipher_key {
  key32 key;
  iv16 iv;
};

/// The direction that a key is for: from the proxy, or from the middle proxy.
enum class key_purpose : std::uint8_t { client, server };

[[nodiscard]] cipher_key derive_middle_key(const middle_key_input& in, key_purpose purpose);

}  // namespace mtp
