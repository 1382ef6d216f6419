// AES-CTR and CBC decryption by libcrypto.
#include "codecs/base/stream_ciphers.hpp"

namespace mtp::detail {

namespace {

class evp_stream_cipher final : public stream_cipher {
 public:
  evp_stream_cipher(cipher_mode mode, const key32& key, const iv16& iv)
      : cipher_{mode == cipher_mode::ctr ? "AES-256-CTR" : "AES-256-CBC", key, iv,
                mode == cipher_mode::ctr ? direction::encrypt : direction::decrypt} {}
  void apply(byte_span data) override { cipher_.apply(data); }

 private:
  evp_cipher cipher_;
};

}  // namespace

stream_cipher_ptr make_evp_cipher(cipher_mode mode, const key32& key, const iv16& iv) {
  return stream_cipher_ptr{new evp_stream_cipher{mode, key, iv}};
}

}  // namespace mtp::detail
