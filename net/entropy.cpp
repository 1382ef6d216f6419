#include "net/entropy.hpp"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <memory>

#include "codecs/crypto.hpp"

namespace mtp::net {

namespace {

struct key_deleter {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};

}  // namespace

void fill_random(byte_span out) {
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1)
    throw crypto_error{"the system has no randomness"};
}

std::array<std::uint8_t, 32> random_x25519_key() {
  const std::unique_ptr<EVP_PKEY, key_deleter> key{EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519")};
  std::array<std::uint8_t, 32> out;
  std::size_t size = out.size();
  if (key == nullptr || EVP_PKEY_get_raw_public_key(key.get(), out.data(), &size) != 1)
    throw crypto_error{"x25519 key generation failed"};
  return out;
}

std::minstd_rand& fast_random() {
  thread_local std::minstd_rand generator{load_le<std::minstd_rand::result_type>(
      random_array<sizeof(std::minstd_rand::result_type)>())};
  return generator;
}

}  // namespace mtp::net
