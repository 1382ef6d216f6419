// The primitives that the protocols use, from libcrypto. Ciphers that can work on several blocks at
// a time come from Intel's IPsec library, on x86-64 processors that can run it. Contexts are keyed
// once and reused. A failure of a library itself (no memory, algorithm disabled) throws
// crypto_error: it is not caused by the peer's bytes.
#pragma once

#include <array>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>

#include "codecs/base/bytes.hpp"

struct evp_cipher_ctx_st;

namespace mtp {

using key32 = std::array<std::uint8_t, 32>;
using iv16 = std::array<std::uint8_t, 16>;
using secret16 = std::array<std::uint8_t, 16>;
using md5_digest = std::array<std::uint8_t, 16>;
using sha1_digest = std::array<std::uint8_t, 20>;
using sha256_digest = std::array<std::uint8_t, 32>;

class crypto_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

namespace detail {
struct cipher_context_deleter {
  void operator()(evp_cipher_ctx_st* ctx) const noexcept;
};
using cipher_context = std::unique_ptr<evp_cipher_ctx_st, cipher_context_deleter>;

enum class direction : int { decrypt = 0, encrypt = 1 };

/// A cipher of libcrypto with a running state.
class evp_cipher {
 public:
  /// `name` as libcrypto has it, for a 32-byte key.
  evp_cipher(const char* name, const key32& key, const iv16& iv, direction dir);
  /// Transforms the next bytes in place.
  void apply(byte_span data);

 private:
  cipher_context context_;
};

// Of codecs/base/stream_ciphers.hpp.
class stream_cipher;
struct stream_cipher_deleter {
  void operator()(stream_cipher* cipher) const noexcept;
};
using stream_cipher_ptr = std::unique_ptr<stream_cipher, stream_cipher_deleter>;
}  // namespace detail

/// AES-256-CTR over a stream: encryption and decryption are the same. Movable; a moved-from cipher
/// must not be used.
class aes_ctr {
 public:
  aes_ctr(const key32& key, const iv16& iv);
  /// Transforms the next bytes of the stream in place; any split gives the same result.
  void apply(byte_span data);

 private:
  detail::stream_cipher_ptr cipher_;
};

/// AES-256-CBC over a stream, one running state: the last block chains into the next call.
class aes_cbc_encryptor {
 public:
  aes_cbc_encryptor(const key32& key, const iv16& iv);
  /// Encrypts in place. Requires `data.size() % 16 == 0`.
  void apply(byte_span data);

 private:
  detail::evp_cipher cipher_;
};

/// The other direction of `aes_cbc_encryptor`.
class aes_cbc_decryptor {
 public:
  aes_cbc_decryptor(const key32& key, const iv16& iv);
  /// Decrypts in place. Requires `data.size() % 16 == 0`.
  void apply(byte_span data);

 private:
  detail::stream_cipher_ptr cipher_;
};

inline constexpr std::size_t aes_block = 16;

/// Which library computes the ciphers on this processor, and why if it is not the fastest one; for
/// the log.
[[nodiscard]] std::string describe_ciphers();

/// Digests of the concatenation of `parts`.
[[nodiscard]] md5_digest md5(std::initializer_list<byte_view> parts);
[[nodiscard]] sha1_digest sha1(std::initializer_list<byte_view> parts);
[[nodiscard]] sha256_digest sha256(std::initializer_list<byte_view> parts);
[[nodiscard]] sha256_digest hmac_sha256(byte_view key, std::initializer_list<byte_view> parts);

/// Compares without telling by its duration where the difference is. Sizes must be equal.
[[nodiscard]] bool equal_constant_time(byte_view a, byte_view b) noexcept;

/// CRC-32 (IEEE, reflected: zlib's) of `data`.
[[nodiscard]] std::uint32_t crc32(byte_view data) noexcept;
/// CRC-32C (Castagnoli) of `data`.
[[nodiscard]] std::uint32_t crc32c(byte_view data) noexcept;

}  // namespace mtp
