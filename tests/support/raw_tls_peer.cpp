#include "tests/support/raw_tls_peer.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <stdexcept>

#include "net/tls/tls_texts.hpp"

namespace mtp::test {

raw_tls_peer::raw_tls_peer(net::unique_fd fd, const options& how)
    : fd_{std::move(fd)}, context_{SSL_CTX_new(TLS_method())} {
  ERR_clear_error();
  if (how.only_tls12) SSL_CTX_set_max_proto_version(context_.get(), TLS1_2_VERSION);
  if (how.identity &&
      (SSL_CTX_use_certificate_file(context_.get(), how.identity->certificate.c_str(),
                                    SSL_FILETYPE_PEM) != 1 ||
       SSL_CTX_use_PrivateKey_file(context_.get(), how.identity->key.c_str(), SSL_FILETYPE_PEM) !=
           1))
    throw std::runtime_error{net::take_openssl_errors()};
  ssl_.reset(SSL_new(context_.get()));
  auto* const bio = net::make_socket_bio(socket_);
  SSL_set_bio(ssl_.get(), bio, bio);
  if (how.side == net::tls_side::accepting)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
}

raw_tls_peer::~raw_tls_peer() = default;

void raw_tls_peer::deleter::operator()(SSL_CTX* context) const noexcept {
  SSL_CTX_free(context);
}

void raw_tls_peer::deleter::operator()(SSL* ssl) const noexcept {
  SSL_free(ssl);
}

void raw_tls_peer::turn() {
  if (!problem_.empty()) return;
  ERR_clear_error();
  char ignored = 0;
  const int result =
      established_ ? SSL_read(ssl_.get(), &ignored, 1) : SSL_do_handshake(ssl_.get());
  if (result == 1) {
    established_ = true;
    return;
  }
  const int error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  problem_ = net::take_openssl_errors();
  if (problem_.empty()) problem_ = "closed";
}

}  // namespace mtp::test
