// Certificate, key and CA of a node, for TLS connections between nodes.
#pragma once

#include <openssl/types.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <tl/expected.hpp>

#include "net/loop/published.hpp"
#include "net/tls/tls_texts.hpp"

namespace mtp::net {

/// Paths of PEM files.
struct tls_files {
  /// This node's certificate; those of CAs between it and the root may follow it.
  std::string certificate;
  std::string key;
  /// The CA that we trust to certify other nodes.
  std::string ca;
};

/// A node's name: the one CN of its certificate's subject. Empty if there is none or several, or if
/// it is not 1 to 63 letters, digits, "-", "_" and "." (it is shown in logs).
[[nodiscard]] std::string node_name(const X509* certificate);

/// TLS 1.3 with certificates on both ends, no resumption. Never changes: any thread may use it.
class tls_context {
 public:
  /// Reads and checks the files. Errors, for the operator, name the file: missing, unreadable, not
  /// PEM; an encrypted key or one of another certificate; a certificate that has expired, is not
  /// yet valid, has no usable name, or may not be used on this side.
  [[nodiscard]] static tl::expected<std::shared_ptr<const tls_context>, std::string> load(
      const tls_files& files, tls_side side);

  [[nodiscard]] tls_side side() const noexcept { return side_; }
  /// The name in our certificate.
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  /// When our certificate expires.
  [[nodiscard]] std::chrono::system_clock::time_point expires() const noexcept { return expires_; }
  [[nodiscard]] SSL_CTX* get() const noexcept { return context_.get(); }

 private:
  struct deleter {
    void operator()(SSL_CTX* context) const noexcept;
  };
  tls_context() = default;

  std::unique_ptr<SSL_CTX, deleter> context_;
  tls_side side_ = tls_side::accepting;
  std::string name_;
  std::chrono::system_clock::time_point expires_;
};

/// The context that new connections use; files can be read again while the proxy runs. Any thread.
class tls_credentials {
 public:
  /// Errors are those of `tls_context::load`.
  [[nodiscard]] static tl::expected<std::shared_ptr<tls_credentials>, std::string> open(
      tls_files files, tls_side side);

  [[nodiscard]] std::shared_ptr<const tls_context> current() const;
  /// Reads the files again. New connections use the files' content of now; established connections
  /// stay. After an error everything is as before.
  [[nodiscard]] tl::expected<void, std::string> reload();
  /// The same with other files, from now on.
  [[nodiscard]] tl::expected<void, std::string> reload(tls_files files);

 private:
  tls_credentials(tls_files files, std::shared_ptr<const tls_context> first);
  [[nodiscard]] tl::expected<void, std::string> read(tls_files files);

  /// Held while files are read: the last read to begin is the last to end.
  std::mutex reading_;
  tls_files files_;
  published<tls_context> current_;
};

}  // namespace mtp::net
