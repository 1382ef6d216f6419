#include "net/tls/tls_context.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <system_error>
#include <vector>

#include "codecs/node_link/link_hello.hpp"
#include "net/loop/unique_fd.hpp"
#include "net/tls/tls_channel.hpp"

namespace mtp::net {

namespace {

/// More than any of the files has.
constexpr off_t max_file_size = off_t{1} << 20;
/// CAs between a node's certificate and the root.
constexpr int max_chain_depth = 4;
/// Bytes of certificates that a peer may send.
constexpr long max_peer_chain = long{32} * 1024;

template <auto Function>
struct freeing {
  template <class T>
  void operator()(T* object) const noexcept {
    Function(object);
  }
};
using bio_ptr = std::unique_ptr<BIO, freeing<BIO_free_all>>;
using key_ptr = std::unique_ptr<EVP_PKEY, freeing<EVP_PKEY_free>>;
using certificate_ptr = std::unique_ptr<X509, freeing<X509_free>>;

/// What a file holds; forgotten thoroughly, as it may be a key.
struct secret_text {
  std::string value;
  secret_text() = default;
  secret_text(secret_text&&) noexcept = default;
  secret_text& operator=(secret_text&&) noexcept = default;
  secret_text(const secret_text&) = delete;
  secret_text& operator=(const secret_text&) = delete;
  ~secret_text() { OPENSSL_cleanse(value.data(), value.size()); }
};

std::string system_text(int error) {
  return std::generic_category().message(error);
}

/// `path` with what is wrong with it.
tl::unexpected<std::string> problem(const std::string& path, const std::string& why) {
  ERR_clear_error();
  return tl::unexpected{path + ": " + why};
}

tl::expected<secret_text, std::string> read_file(const std::string& path) {
  // A pipe without a writer must not hold us.
  const unique_fd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  struct stat about {};
  if (!fd || ::fstat(fd.get(), &about) != 0) return problem(path, system_text(errno));
  if (!S_ISREG(about.st_mode)) return problem(path, "is not a file");
  if (about.st_size > max_file_size) return problem(path, "is longer than 1 MiB");
  secret_text contents;
  // At full size at once: a string that grows leaves copies behind.
  contents.value.resize(static_cast<std::size_t>(about.st_size));
  std::size_t size = 0;
  while (size < contents.value.size()) {
    const auto got = ::read(fd.get(), contents.value.data() + size, contents.value.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return problem(path, system_text(errno));
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  contents.value.resize(size);
  return contents;
}

bio_ptr open_text(const secret_text& text) {
  return bio_ptr{BIO_new_mem_buf(text.value.data(), static_cast<int>(text.value.size()))};
}

/// Instead of asking at the terminal.
int no_password(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

tl::expected<std::vector<certificate_ptr>, std::string> read_certificates(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected{text.error()};
  const auto source = open_text(*text);
  std::vector<certificate_ptr> certificates;
  bool asked = false;
  while (auto* const certificate = PEM_read_bio_X509(source.get(), nullptr, &no_password, &asked))
    certificates.emplace_back(certificate);
  const auto error = ERR_peek_last_error();
  const bool at_end =
      ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (certificates.empty() && at_end) return problem(path, "holds no certificate in PEM form");
  if (!at_end) return problem(path, "holds a damaged certificate: " + take_openssl_errors());
  ERR_clear_error();
  return certificates;
}

tl::expected<key_ptr, std::string> read_key(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return tl::unexpected{text.error()};
  const auto source = open_text(*text);
  bool asked = false;
  key_ptr key{PEM_read_bio_PrivateKey(source.get(), nullptr, &no_password, &asked)};
  if (asked) return problem(path, "the key is encrypted; keep it without a password");
  // What OpenSSL says about a key that it can't read is of no use.
  if (!key) return problem(path, "holds no private key in PEM form");
  return key;
}

std::chrono::system_clock::time_point to_time(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string to_text(std::chrono::system_clock::time_point time) {
  const auto seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &parts)};
}

/// Whether our own certificate is one that a peer can accept.
tl::expected<void, std::string> check_own(X509* certificate, const std::string& path,
                                          tls_side side) {
  const auto now = std::chrono::system_clock::now();
  const auto from = to_time(X509_get0_notBefore(certificate));
  const auto until = to_time(X509_get0_notAfter(certificate));
  if (until < now) return problem(path, "the certificate expired on " + to_text(until));
  if (from > now) return problem(path, "the certificate is not valid before " + to_text(from));
  if (node_name(certificate).empty())
    return problem(path,
                   "the certificate has no name for a node: one CN of 1 to 63 letters, "
                   "digits, \"-\", \"_\" and \".\"");
  const bool accepts = side == tls_side::accepting;
  const int purpose = accepts ? X509_PURPOSE_SSL_SERVER : X509_PURPOSE_SSL_CLIENT;
  if (X509_check_purpose(certificate, purpose, 0) != 1)
    return problem(
        path, accepts ? "the certificate is not for a TLS server (extended key usage serverAuth)"
                      : "the certificate is not for a TLS client (extended key usage clientAuth)");
  return {};
}

/// What is the same for all contexts. False if this OpenSSL can't do it.
bool set_rules(SSL_CTX* context) {
  SSL_CTX_set_security_level(context, 2);
  // Few connections that are always busy: buffers stay (no SSL_MODE_RELEASE_BUFFERS). What
  // is left of a buffer may be offered again from another place.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_max_cert_list(context, max_peer_chain);
  SSL_CTX_set_verify_depth(context, max_chain_depth);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
                     &tls_channel::verify_peer);
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_num_tickets(context, 0) == 1 &&
         SSL_CTX_set_ciphersuites(context,
                                  "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                  "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
         SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1;
}

}  // namespace

std::string node_name(const X509* certificate) {
  const auto* const subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0) return {};
  unsigned char* text = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
  if (size < 0) return {};
  std::string name{reinterpret_cast<const char*>(text), static_cast<std::size_t>(size)};
  OPENSSL_free(text);
  constexpr std::string_view allowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  if (name.size() > max_node_name || name.find_first_not_of(allowed) != std::string::npos)
    return {};
  return name;
}

void tls_context::deleter::operator()(SSL_CTX* context) const noexcept {
  SSL_CTX_free(context);
}

tl::expected<std::shared_ptr<const tls_context>, std::string> tls_context::load(
    const tls_files& files, tls_side side) {
  ERR_clear_error();
  const auto chain = read_certificates(files.certificate);
  if (!chain) return tl::unexpected{chain.error()};
  auto* const own = chain->front().get();
  if (auto good = check_own(own, files.certificate, side); !good)
    return tl::unexpected{good.error()};
  const auto key = read_key(files.key);
  if (!key) return tl::unexpected{key.error()};
  if (X509_check_private_key(own, key->get()) != 1)
    return problem(files.key, "is not the key of the certificate in " + files.certificate);
  const auto trusted = read_certificates(files.ca);
  if (!trusted) return tl::unexpected{trusted.error()};

  std::shared_ptr<tls_context> created{new tls_context};
  created->context_.reset(SSL_CTX_new(TLS_method()));
  auto* const context = created->get();
  if (context == nullptr || !set_rules(context)) return tl::unexpected{take_openssl_errors()};
  if (SSL_CTX_use_certificate(context, own) != 1 ||
      SSL_CTX_use_PrivateKey(context, key->get()) != 1)
    return problem(files.certificate, take_openssl_errors());
  for (std::size_t i = 1; i < chain->size(); ++i)
    if (SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) != 1)
      return problem(files.certificate, take_openssl_errors());
  for (const auto& certificate : *trusted)
    if (X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) != 1)
      return problem(files.ca, take_openssl_errors());
  created->side_ = side;
  created->name_ = node_name(own);
  created->expires_ = to_time(X509_get0_notAfter(own));
  return created;
}

tls_credentials::tls_credentials(tls_files files, std::shared_ptr<const tls_context> first)
    : files_{std::move(files)}, current_{std::move(first)} {}

tl::expected<std::shared_ptr<tls_credentials>, std::string> tls_credentials::open(tls_files files,
                                                                                  tls_side side) {
  auto first = tls_context::load(files, side);
  if (!first) return tl::unexpected{first.error()};
  return std::shared_ptr<tls_credentials>{new tls_credentials{std::move(files), *first}};
}

std::shared_ptr<const tls_context> tls_credentials::current() const {
  return current_.get();
}

tl::expected<void, std::string> tls_credentials::reload() {
  const std::lock_guard lock{reading_};
  return read(files_);
}

tl::expected<void, std::string> tls_credentials::reload(tls_files files) {
  const std::lock_guard lock{reading_};
  return read(std::move(files));
}

tl::expected<void, std::string> tls_credentials::read(tls_files files) {
  auto fresh = tls_context::load(files, current()->side());
  if (!fresh) return tl::unexpected{fresh.error()};
  files_ = std::move(files);
  current_.set(std::move(*fresh));
  return {};
}

}  // namespace mtp::net
