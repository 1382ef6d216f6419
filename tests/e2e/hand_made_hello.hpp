// ClientHellos that no program sends.
#pragma once

#include <string_view>

#include "codecs/base/bytes.hpp"

namespace mtp::test {

/// In the shape of OpenSSL's, with anything changed.
struct hand_made_hello {
  std::size_t record_version = 0x0301;
  std::size_t version = 0x0303;
  bytes session_id = bytes(32, 0x5e);
  bytes suites{0x13, 0x01, 0x13, 0x02, 0xc0, 0x2f, 0xc0, 0x30, 0x00, 0x9c, 0x00, 0x2f};
  bytes compressions{0};
  bytes extensions;

  /// The handshake message with its header.
  [[nodiscard]] bytes message() const;
  /// In one record.
  [[nodiscard]] bytes record() const;
};

/// A record; its length may be a lie.
[[nodiscard]] bytes record_of(std::uint8_t type, std::size_t version, byte_view body,
                              std::size_t size);
[[nodiscard]] bytes record_of(std::uint8_t type, std::size_t version, byte_view body);

[[nodiscard]] bytes extension_of(std::size_t type, byte_view body);
[[nodiscard]] bytes server_name_extension(std::string_view name);
/// All that a server needs for TLS 1.2 and below.
[[nodiscard]] bytes tls12_extensions(std::string_view name = "example.com");
/// For TLS 1.3, with this key share (x25519, 32 bytes), or with none.
[[nodiscard]] bytes tls13_extensions(byte_view share);

[[nodiscard]] bytes joined(byte_view first, byte_view second);

}  // namespace mtp::test
