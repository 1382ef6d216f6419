// A real TLS server in memory, from libssl: what it answers to a hello, byte for byte.
#pragma once

#include <string>

#include "codecs/base/bytes.hpp"

namespace mtp::test {

struct tls_site {
  /// As SSL_CTX_set_ciphersuites, SSL_CTX_set1_groups_list have them; empty: libssl's defaults.
  std::string suites;
  std::string groups;
  /// Whether its own order of suites counts, not the client's.
  bool prefers = false;
  bool tls13 = true;
  /// Certificates in the chain besides its own, of about 400 bytes each.
  int chain = 1;

  /// All that it sends for `received`, until it waits for the client or gives up.
  [[nodiscard]] bytes answer(byte_view received) const;
};

}  // namespace mtp::test
