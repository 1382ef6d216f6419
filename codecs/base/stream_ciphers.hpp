// The two implementations behind `aes_ctr` and `aes_cbc_decryptor`, for codecs/base/crypto and its
// test.
#pragma once

#include "codecs/base/crypto.hpp"

namespace mtp::detail {

/// A cipher with a running state, in either implementation.
class stream_cipher {
 public:
  stream_cipher() = default;
  stream_cipher(const stream_cipher&) = delete;
  stream_cipher& operator=(const stream_cipher&) = delete;
  stream_cipher(stream_cipher&&) = delete;
  stream_cipher& operator=(stream_cipher&&) = delete;
  virtual ~stream_cipher() = default;
  virtual void apply(byte_span data) = 0;
};

enum class cipher_mode : std::uint8_t { ctr, cbc_decryption };

/// By libcrypto, on any processor.
[[nodiscard]] stream_cipher_ptr make_evp_cipher(cipher_mode mode, const key32& key, const iv16& iv);

/// By Intel's IPsec library. Requires `wide_ciphers().usable`.
[[nodiscard]] stream_cipher_ptr make_wide_cipher(cipher_mode mode, const key32& key,
                                                 const iv16& iv);
struct wide_cipher_support {
  bool usable = false;
  /// Its version and the instruction set it has chosen, or why it is not used; for the operator.
  std::string description;
};
/// Determined once per process.
[[nodiscard]] const wide_cipher_support& wide_ciphers();

}  // namespace mtp::detail
