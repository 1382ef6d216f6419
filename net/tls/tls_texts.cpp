#include "net/tls/tls_texts.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

namespace mtp::net {

namespace {

/// What a certificate must be good for.
std::string_view purpose(tls_side whose) {
  return whose == tls_side::accepting ? "server" : "client";
}

tls_side other(tls_side ours) {
  return ours == tls_side::accepting ? tls_side::dialing : tls_side::accepting;
}

}  // namespace

std::string describe_verification(long result, int depth, tls_side ours) {
  const std::string whose = depth == 0 ? "its certificate " : "the CA of its certificate ";
  switch (result) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
      return "its certificate is from a CA that we do not trust";
    case X509_V_ERR_CERT_HAS_EXPIRED:
      return whose + "has expired";
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return whose + "is not yet valid (are both clocks right?)";
    case X509_V_ERR_INVALID_PURPOSE:
      return whose + "is not for a TLS " + std::string{purpose(other(ours))} +
             " (extended key usage)";
    default:
      return whose + "is refused: " + X509_verify_cert_error_string(result);
  }
}

std::string describe_alert(int alert, tls_side ours, std::string_view our_name) {
  switch (alert) {
    case SSL_AD_UNKNOWN_CA:
      return "it does not trust the CA of our certificate";
    case SSL_AD_DECRYPT_ERROR:
      return "it could not verify the signature of our certificate (another CA of that name?)";
    case SSL_AD_CERTIFICATE_EXPIRED:
      return "it says that our certificate has expired";
    // With this alert the accepting side turns away a name that is not on its list, and the dialing
    // side one that it does not look for (net/tls/tls_channel).
    case SSL_AD_CERTIFICATE_REVOKED:
      return (ours == tls_side::dialing ? "it does not allow the name of our certificate, \""
                                        : "it expects another name than our certificate's, \"") +
             std::string{our_name} + "\"";
    case SSL_AD_BAD_CERTIFICATE:
      return "it says that our certificate is not valid, or not yet (are both clocks right?)";
    case SSL_AD_UNSUPPORTED_CERTIFICATE:
      return "it says that our certificate is not for a TLS " + std::string{purpose(ours)} +
             " (extended key usage)";
    case TLS13_AD_CERTIFICATE_REQUIRED:
      return "it got no certificate from us";
    case SSL_AD_PROTOCOL_VERSION:
      return "it does not speak TLS 1.3";
    default:
      return std::string{"it ended the TLS handshake: "} + SSL_alert_desc_string_long(alert);
  }
}

std::string take_openssl_errors() {
  std::string text;
  for (auto code = ERR_get_error(); code != 0; code = ERR_get_error()) {
    const char* const reason = ERR_reason_error_string(code);
    if (!text.empty()) text += "; ";
    if (reason != nullptr)
      text += reason;
    else
      text += "error " + std::to_string(code);
  }
  return text;
}

}  // namespace mtp::net
