#include "tests/support/test_certificates.hpp"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <stdexcept>

#include "net/loop/entropy.hpp"

namespace mtp::test {

namespace {

struct file_closer {
  void operator()(std::FILE* file) const noexcept { static_cast<void>(std::fclose(file)); }
};
using file_ptr = std::unique_ptr<std::FILE, file_closer>;
struct key_deleter {
  void operator()(EVP_PKEY* key) const noexcept { EVP_PKEY_free(key); }
};
using key_ptr = std::unique_ptr<EVP_PKEY, key_deleter>;
struct certificate_deleter {
  void operator()(X509* certificate) const noexcept { X509_free(certificate); }
};
using certificate_ptr = std::unique_ptr<X509, certificate_deleter>;

void require(bool ok) {
  if (!ok) throw std::runtime_error{"a test's certificate can't be made"};
}

void add_name(X509_NAME* to, const std::string& name) {
  require(X509_NAME_add_entry_by_txt(to, "CN", MBSTRING_UTF8,
                                     reinterpret_cast<const unsigned char*>(name.data()),
                                     static_cast<int>(name.size()), -1, 0) == 1);
}

void add_extension(X509* to, X509* issuer, int kind, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, to, nullptr, nullptr, 0);
  auto* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
  require(extension != nullptr && X509_add_ext(to, extension, -1) == 1);
  X509_EXTENSION_free(extension);
}

certificate_ptr make_certificate(EVP_PKEY* key, const certificate_options& options) {
  certificate_ptr certificate{X509_new()};
  require(X509_set_version(certificate.get(), 2) == 1 &&
          X509_set_pubkey(certificate.get(), key) == 1);
  ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate.get()),
                          net::random_between<std::uint64_t>(1, UINT64_MAX / 2));
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), options.from.count());
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options.until.count());
  add_name(X509_get_subject_name(certificate.get()), options.name);
  if (!options.second_name.empty())
    add_name(X509_get_subject_name(certificate.get()), options.second_name);
  return certificate;
}

void write_certificate(const std::string& path, X509* certificate) {
  const file_ptr file{std::fopen(path.c_str(), "w")};
  require(file != nullptr && PEM_write_X509(file.get(), certificate) == 1);
}

const char* to_extension(key_usage usage) {
  if (usage == key_usage::server) return "serverAuth";
  return usage == key_usage::client ? "clientAuth" : "serverAuth,clientAuth";
}

}  // namespace

struct certificate_authority::identity {
  key_ptr key;
  certificate_ptr certificate;
};

certificate_authority::certificate_authority(const std::filesystem::path& directory,
                                             const std::string& name)
    : directory_{directory},
      file_{(directory / (name + ".pem")).string()},
      own_{std::make_unique<identity>()} {
  auto& own = *own_;
  own.key.reset(EVP_EC_gen("P-256"));
  own.certificate = make_certificate(own.key.get(), {.name = name});
  auto* const certificate = own.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign");
  add_extension(certificate, certificate, NID_subject_key_identifier, "hash");
  require(X509_sign(certificate, own.key.get(), EVP_sha256()) > 0);
  write_certificate(file_, certificate);
}

certificate_authority::~certificate_authority() = default;

net::tls_files certificate_authority::issue(const std::string& file,
                                            const certificate_options& options) const {
  const net::tls_files files{.certificate = (directory_ / (file + ".pem")).string(),
                             .key = (directory_ / (file + ".key")).string(),
                             .ca = file_};
  const key_ptr key{options.key == key_kind::p256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048)};
  const auto certificate = make_certificate(key.get(), options);
  auto* const issuer = own_->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(issuer));
  add_extension(certificate.get(), issuer, NID_ext_key_usage, to_extension(options.usage));
  add_extension(certificate.get(), issuer, NID_authority_key_identifier, "keyid");
  require(X509_sign(certificate.get(), own_->key.get(), EVP_sha256()) > 0);
  write_certificate(files.certificate, certificate.get());
  const file_ptr key_file{std::fopen(files.key.c_str(), "w")};
  require(key_file != nullptr && PEM_write_PrivateKey(key_file.get(), key.get(), nullptr, nullptr,
                                                      0, nullptr, nullptr) == 1);
  return files;
}

}  // namespace mtp::test
