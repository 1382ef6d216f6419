// Where Intel's IPsec library does not exist: not on x86-64.
#include "codecs/base/stream_ciphers.hpp"

namespace mtp::detail {

stream_cipher_ptr make_wide_cipher(cipher_mode, const key32&, const iv16&) {
  throw crypto_error{"built without Intel's IPsec library"};
}

const wide_cipher_support& wide_ciphers() {
  static const wide_cipher_support none{.usable = false, .description = "built without it"};
  return none;
}

}  // namespace mtp::detail
