// AES-CTR and CBC decryption by libcrypto: everywhere but on x86-64 (stream_ciphers_wide.cpp).
#include "codecs/crypto.hpp"

namespace mtp {

struct detail::ctr_stream {
  evp_cipher cipher;
};

struct detail::cbc_decryption {
  evp_cipher cipher;
};

void detail::stream_cipher_deleter::operator()(ctr_stream* state) const noexcept {
  delete state;
}

void detail::stream_cipher_deleter::operator()(cbc_decryption* state) const noexcept {
  delete state;
}

aes_ctr::aes_ctr(const key32& key, const iv16& iv)
    : state_{new detail::ctr_stream{{"AES-256-CTR", key, iv, detail::direction::encrypt}}} {}

void aes_ctr::apply(byte_span data) {
  state_->cipher.apply(data);
}

aes_cbc_decryptor::aes_cbc_decryptor(const key32& key, const iv16& iv)
    : state_{new detail::cbc_decryption{{"AES-256-CBC", key, iv, detail::direction::decrypt}}} {}

void aes_cbc_decryptor::apply(byte_span data) {
  state_->cipher.apply(data);
}

}  // namespace mtp
