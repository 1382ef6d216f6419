// JA4, the fingerprint of a ClientHello (FoxIO's "JA4: TLS Client Fingerprinting"): what censors
// and sites know programs by.
#pragma once

#include <string>

#include "codecs/base/bytes.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

inline constexpr std::size_t ja4_size = 36;

/// The fingerprint of a hello put together by `client_hello_assembler`, e.g.
/// "t13d1516h2_8daaf6152771_e5627efa2ab1": `ja4_size` printable characters. Error:
/// `tls_bad_client_hello` for lengths that do not add up; an ALPN, version or algorithm list that
/// can't be read counts as absent.
[[nodiscard]] result<std::string> ja4_fingerprint(byte_view record);

}  // namespace mtp
