#include "tests/support/tls_site.hpp"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

namespace mtp::test {

namespace {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using key_ptr = std::unique_ptr<EVP_PKEY, freed_by<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freed_by<X509_free>>;
using context_ptr = std::unique_ptr<SSL_CTX, freed_by<SSL_CTX_free>>;
using session_ptr = std::unique_ptr<SSL, freed_by<SSL_free>>;

certificate_ptr certificate_for(EVP_PKEY* key) {
  certificate_ptr made{X509_new()};
  REQUIRE(made);
  X509_set_version(made.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
  X509_set_pubkey(made.get(), key);
  REQUIRE(X509_sign(made.get(), key, EVP_sha256()) > 0);
  return made;
}

/// The same for all sites, so that only the signature of a handshake differs in its length.
struct identity {
  key_ptr key{EVP_EC_gen("P-256")};
  certificate_ptr certificate = certificate_for(key.get());
};

}  // namespace

bytes tls_site::answer(byte_view received) const {
  static const identity own;
  const context_ptr context{SSL_CTX_new(TLS_server_method())};
  REQUIRE(context);
  SSL_CTX_use_certificate(context.get(), own.certificate.get());
  SSL_CTX_use_PrivateKey(context.get(), own.key.get());
  for (int i = 0; i < chain; ++i)
    SSL_CTX_add1_chain_cert(context.get(), own.certificate.get());
  if (!tls13) SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  if (!suites.empty()) REQUIRE(SSL_CTX_set_ciphersuites(context.get(), suites.c_str()) == 1);
  if (!groups.empty()) REQUIRE(SSL_CTX_set1_groups_list(context.get(), groups.c_str()) == 1);
  if (prefers) SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE);

  const session_ptr session{SSL_new(context.get())};
  auto* const in = BIO_new(BIO_s_mem());
  auto* const sent = BIO_new(BIO_s_mem());
  SSL_set_bio(session.get(), in, sent);
  BIO_write(in, received.data(), static_cast<int>(received.size()));
  REQUIRE(SSL_accept(session.get()) <= 0);
  bytes answer(BIO_pending(sent));
  BIO_read(sent, answer.data(), static_cast<int>(answer.size()));
  return answer;
}

}  // namespace mtp::test
