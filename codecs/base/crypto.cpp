#include "codecs/base/crypto.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <isa-l/crc.h>

#include "codecs/base/processor.hpp"

namespace mtp {

namespace {

void require(bool ok, const char* call) {
  if (!ok) throw crypto_error{call};
}

/// An algorithm fetched once per process: OpenSSL 3 looks it up by name at every use otherwise.
const EVP_MD* fetch_digest(const char* name) {
  const EVP_MD* digest = EVP_MD_fetch(nullptr, name, nullptr);
  require(digest != nullptr, name);
  return digest;
}

struct digest_context_deleter {
  void operator()(EVP_MD_CTX* ctx) const noexcept { EVP_MD_CTX_free(ctx); }
};

template <class Digest>
Digest digest_of(const EVP_MD* algorithm, std::initializer_list<byte_view> parts) {
  thread_local const std::unique_ptr<EVP_MD_CTX, digest_context_deleter> ctx{EVP_MD_CTX_new()};
  require(ctx != nullptr, "EVP_MD_CTX_new");
  require(EVP_DigestInit_ex2(ctx.get(), algorithm, nullptr) == 1, "EVP_DigestInit_ex2");
  for (const auto part : parts)
    require(EVP_DigestUpdate(ctx.get(), part.data(), part.size()) == 1, "EVP_DigestUpdate");
  Digest digest;
  require(EVP_DigestFinal_ex(ctx.get(), digest.data(), nullptr) == 1, "EVP_DigestFinal_ex");
  return digest;
}

/// ISA-L does not write through its pointers, const or not.
unsigned char* writable(byte_view data) noexcept {
  return const_cast<unsigned char*>(data.data());
}

struct mac_context_deleter {
  void operator()(EVP_MAC_CTX* ctx) const noexcept { EVP_MAC_CTX_free(ctx); }
};
using mac_context = std::unique_ptr<EVP_MAC_CTX, mac_context_deleter>;

mac_context make_hmac_sha256() {
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  require(mac != nullptr, "HMAC");
  mac_context ctx{EVP_MAC_CTX_new(mac)};
  EVP_MAC_free(mac);
  require(ctx != nullptr, "EVP_MAC_CTX_new");
  char digest[] = "SHA256";
  const std::array<OSSL_PARAM, 2> params{OSSL_PARAM_construct_utf8_string("digest", digest, 0),
                                         OSSL_PARAM_construct_end()};
  require(EVP_MAC_CTX_set_params(ctx.get(), params.data()) == 1, "EVP_MAC_CTX_set_params");
  return ctx;
}

}  // namespace

aes_cbc_encryptor::aes_cbc_encryptor(const key32& key, const iv16& iv)
    : cipher_{"AES-256-CBC", key, iv, detail::direction::encrypt} {}

void aes_cbc_encryptor::apply(byte_span data) {
  cipher_.apply(data);
}

md5_digest md5(std::initializer_list<byte_view> parts) {
  static const EVP_MD* const algorithm = fetch_digest("MD5");
  return digest_of<md5_digest>(algorithm, parts);
}

sha1_digest sha1(std::initializer_list<byte_view> parts) {
  static const EVP_MD* const algorithm = fetch_digest("SHA1");
  return digest_of<sha1_digest>(algorithm, parts);
}

sha256_digest sha256(std::initializer_list<byte_view> parts) {
  static const EVP_MD* const algorithm = fetch_digest("SHA256");
  return digest_of<sha256_digest>(algorithm, parts);
}

sha256_digest hmac_sha256(byte_view key, std::initializer_list<byte_view> parts) {
  thread_local const mac_context ctx = make_hmac_sha256();
  // A null pointer would mean the key of the last call.
  static constexpr std::uint8_t no_key = 0;
  const auto* const start = key.empty() ? &no_key : key.data();
  require(EVP_MAC_init(ctx.get(), start, key.size(), nullptr) == 1, "EVP_MAC_init");
  for (const auto part : parts)
    require(EVP_MAC_update(ctx.get(), part.data(), part.size()) == 1, "EVP_MAC_update");
  sha256_digest digest;
  std::size_t written = 0;
  require(EVP_MAC_final(ctx.get(), digest.data(), &written, digest.size()) == 1, "EVP_MAC_final");
  return digest;
}

bool equal_constant_time(byte_view a, byte_view b) noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::uint32_t crc32(byte_view data) noexcept {
  static const bool fast = missing_instructions().empty();
  if (fast) return crc32_gzip_refl(0, data.data(), data.size());
  return crc32_gzip_refl_base(0, writable(data), data.size());
}

std::uint32_t crc32c(byte_view data) noexcept {
  static const bool fast = missing_instructions().empty();
  const auto size = static_cast<int>(data.size());
  // ISA-L leaves both inversions to the caller.
  constexpr auto start = 0xffff'ffffU;
  return ~(fast ? crc32_iscsi(writable(data), size, start)
                : crc32_iscsi_base(writable(data), size, start));
}

}  // namespace mtp
