// detail::evp_cipher of crypto.hpp.
#include <openssl/evp.h>

#include <algorithm>
#include <string>
#include <vector>

#include "codecs/base/crypto.hpp"

namespace mtp::detail {

namespace {

void require(bool ok, const char* call) {
  if (!ok) throw crypto_error{call};
}

struct cipher_deleter {
  void operator()(EVP_CIPHER* cipher) const noexcept { EVP_CIPHER_free(cipher); }
};

/// Fetched once per thread: OpenSSL 3 looks an algorithm up by name at every use otherwise.
const EVP_CIPHER* fetch(const char* name) {
  struct known {
    std::string name;
    std::unique_ptr<EVP_CIPHER, cipher_deleter> cipher;
  };
  thread_local std::vector<known> all;
  const auto at = std::ranges::find(all, name, &known::name);
  if (at != all.end()) return at->cipher.get();
  all.push_back({.name = name,
                 .cipher = std::unique_ptr<EVP_CIPHER, cipher_deleter>{
                     EVP_CIPHER_fetch(nullptr, name, nullptr)}});
  require(all.back().cipher != nullptr, name);
  return all.back().cipher.get();
}

}  // namespace

void cipher_context_deleter::operator()(evp_cipher_ctx_st* ctx) const noexcept {
  EVP_CIPHER_CTX_free(ctx);
}

evp_cipher::evp_cipher(const char* name, const key32& key, const iv16& iv, direction dir)
    : context_{EVP_CIPHER_CTX_new()} {
  require(context_ != nullptr, "EVP_CIPHER_CTX_new");
  require(EVP_CipherInit_ex2(context_.get(), fetch(name), key.data(), iv.data(),
                             static_cast<int>(dir), nullptr) == 1,
          "EVP_CipherInit_ex2");
  EVP_CIPHER_CTX_set_padding(context_.get(), 0);
}

void evp_cipher::apply(byte_span data) {
  // EVP takes an int: feed it what fits.
  constexpr std::size_t step = std::size_t{1} << 30;
  while (!data.empty()) {
    const auto part = data.first(std::min(step, data.size()));
    int written = 0;
    require(EVP_CipherUpdate(context_.get(), part.data(), &written, part.data(),
                             static_cast<int>(part.size())) == 1,
            "EVP_CipherUpdate");
    data = data.subspan(part.size());
  }
}

}  // namespace mtp::detail
