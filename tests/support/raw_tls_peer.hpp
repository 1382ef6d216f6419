// A TLS peer that does what a node would not: bad certificates, none at all, old versions.
#pragma once

#include <openssl/types.h>

#include <memory>
#include <optional>
#include <string>

#include "net/loop/unique_fd.hpp"
#include "net/tls/socket_bio.hpp"
#include "net/tls/tls_context.hpp"

namespace mtp::test {

/// On a non-blocking socket; each `turn` does what can be done without waiting. It verifies
/// nothing.
class raw_tls_peer {
 public:
  struct options {
    net::tls_side side = net::tls_side::dialing;
    /// Only certificate and key are used, as they are.
    std::optional<net::tls_files> identity;
    bool only_tls12 = false;
  };
  raw_tls_peer(net::unique_fd fd, const options& how);
  raw_tls_peer(const raw_tls_peer&) = delete;
  raw_tls_peer& operator=(const raw_tls_peer&) = delete;
  raw_tls_peer(raw_tls_peer&&) = delete;
  raw_tls_peer& operator=(raw_tls_peer&&) = delete;
  ~raw_tls_peer();

  void turn();
  [[nodiscard]] bool established() const noexcept { return established_; }
  /// Why the connection ended, in OpenSSL's words; empty as long as it stands.
  [[nodiscard]] const std::string& problem() const noexcept { return problem_; }

 private:
  struct deleter {
    void operator()(SSL_CTX* context) const noexcept;
    void operator()(SSL* ssl) const noexcept;
  };

  net::unique_fd fd_;
  net::socket_state socket_{.fd = fd_.get()};
  std::unique_ptr<SSL_CTX, deleter> context_;
  std::unique_ptr<SSL, deleter> ssl_;
  bool established_ = false;
  std::string problem_;
};

}  // namespace mtp::test
