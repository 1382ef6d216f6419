#include "net/loop/entropy.hpp"

#include <openssl/rand.h>

#include "codecs/base/crypto.hpp"

namespace mtp::net {

void fill_random(byte_span into) {
  if (RAND_bytes(into.data(), static_cast<int>(into.size())) != 1)
    throw crypto_error{"the system has no randomness"};
}

x25519_share random_x25519_share() {
  while (true)
    if (const auto share = make_x25519_share(random_array<x25519_share{}.size()>())) return *share;
}

std::minstd_rand& fast_random() {
  thread_local std::minstd_rand generator{load_le<std::minstd_rand::result_type>(
      random_array<sizeof(std::minstd_rand::result_type)>())};
  return generator;
}

}  // namespace mtp::net
