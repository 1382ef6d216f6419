// Which library computes `aes_ctr` and `aes_cbc_decryptor`: decided once, by the processor.
#include "codecs/base/stream_ciphers.hpp"

namespace mtp {

namespace {

using detail::cipher_mode;

detail::stream_cipher_ptr make_cipher(cipher_mode mode, const key32& key, const iv16& iv) {
  static const bool wide = detail::wide_ciphers().usable;
  return wide ? detail::make_wide_cipher(mode, key, iv) : detail::make_evp_cipher(mode, key, iv);
}

}  // namespace

void detail::stream_cipher_deleter::operator()(stream_cipher* cipher) const noexcept {
  delete cipher;
}

aes_ctr::aes_ctr(const key32& key, const iv16& iv)
    : cipher_{make_cipher(cipher_mode::ctr, key, iv)} {}

void aes_ctr::apply(byte_span data) {
  cipher_->apply(data);
}

aes_cbc_decryptor::aes_cbc_decryptor(const key32& key, const iv16& iv)
    : cipher_{make_cipher(cipher_mode::cbc_decryption, key, iv)} {}

void aes_cbc_decryptor::apply(byte_span data) {
  cipher_->apply(data);
}

std::string describe_ciphers() {
  const auto& wide = detail::wide_ciphers();
  return (wide.usable ? "AES by " : "AES by libcrypto, not by Intel's IPsec library: ") +
         wide.description;
}

}  // namespace mtp
