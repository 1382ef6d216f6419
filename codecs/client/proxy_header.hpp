// The PROXY protocol, versions 1 and 2: the header in which a proxy in front tells between which
// addresses the connection runs that it passes on. Format: haproxy's doc/proxy-protocol.txt.
#pragma once

#include "codecs/base/address.hpp"
#include "codecs/base/error.hpp"

namespace mtp {

/// The longest header that is taken, in bytes: of version 2; version 1 has `max_proxy_line`.
inline constexpr std::size_t max_proxy_header = 4096;
inline constexpr std::size_t max_proxy_line = 107;

/// Version 1 is a line of text, version 2 is binary.
enum class proxy_version : std::uint8_t { v1 = 1, v2 = 2 };

/// Between which addresses a connection runs. Ports may be 0.
struct connection_ends {
  endpoint source;
  endpoint destination;
  friend bool operator==(const connection_ends&, const connection_ends&) = default;
};

struct proxy_header {
  /// Bytes of the input that the header takes.
  std::size_t consumed = 0;
  /// Absent if the addresses of the connection itself count: the proxy speaks for itself (LOCAL, as
  /// for a health check), or does not know (UNKNOWN), or what it passes on is not TCP.
  std::optional<connection_ends> ends;
  friend bool operator==(const proxy_header&, const proxy_header&) = default;
};

/// Reads the header at the front of `in`, which is everything that the connection has sent so far.
/// Error: `bad_proxy_header`; a wrong start is told at once, all else of a line at its end or after
/// `max_proxy_line` bytes. Of the fields behind the addresses (TLVs) only the checksum is looked
/// at, and must be right if it is there.
[[nodiscard]] decoded<proxy_header> read_proxy_header(byte_view in);

/// A header for `ends`; without ends UNKNOWN in version 1, LOCAL in version 2. Ends of different
/// families are both written as IPv6.
[[nodiscard]] bytes make_proxy_header(proxy_version version,
                                      const std::optional<connection_ends>& ends);

}  // namespace mtp
