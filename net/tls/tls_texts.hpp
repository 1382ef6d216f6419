// OpenSSL's verdicts in words for operators. Sentences are about the peer: "it ...", to follow its
// address.
#pragma once

#include <string>
#include <string_view>

namespace mtp::net {

/// The two ends of a TLS connection.
enum class tls_side : std::uint8_t { accepting, dialing };

/// Why a certificate of the peer did not pass: `result` is one of X509_V_ERR_*, `depth` is 0 for
/// the peer's own certificate. `ours` is our side.
[[nodiscard]] std::string describe_verification(long result, int depth, tls_side ours);

/// An alert of the peer during or right after the handshake: the reason why it refused us. `ours`
/// is our side, `our_name` the name in our certificate.
[[nodiscard]] std::string describe_alert(int alert, tls_side ours, std::string_view our_name);

/// The texts of this thread's OpenSSL error queue, oldest first, and empties it. Empty if there are
/// none.
[[nodiscard]] std::string take_openssl_errors();

}  // namespace mtp::net
