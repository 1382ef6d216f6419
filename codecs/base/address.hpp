// IP addresses and endpoints as the protocols carry them: 16 bytes, IPv4 mapped into IPv6.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "codecs/base/bytes.hpp"

namespace mtp {

/// An IPv4 or IPv6 address.
class ip_address {
 public:
  /// 0.0.0.0
  ip_address() noexcept { bytes_[10] = bytes_[11] = 0xff; }
  [[nodiscard]] static ip_address v4(std::array<std::uint8_t, 4> octets) noexcept;
  /// A mapped address (::ffff:a.b.c.d) counts as IPv4.
  [[nodiscard]] static ip_address v6(std::array<std::uint8_t, 16> octets) noexcept;
  /// "1.2.3.4" or "2001:db8::1"; nothing for anything else, host names included.
  [[nodiscard]] static std::optional<ip_address> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const noexcept;
  /// Network order; IPv4 as 10 zeros, ff ff, 4 bytes.
  [[nodiscard]] const std::array<std::uint8_t, 16>& mapped() const noexcept { return bytes_; }
  /// Network order. Requires `is_v4()`.
  [[nodiscard]] std::array<std::uint8_t, 4> v4_octets() const noexcept;
  /// 0.0.0.0 or ::
  [[nodiscard]] bool is_any() const noexcept;
  [[nodiscard]] bool is_loopback() const noexcept;
  /// An address that the public Internet does not route (RFC 1918, 6598, 3927, 4193, 4291).
  [[nodiscard]] bool is_private() const noexcept;

  friend bool operator==(const ip_address&, const ip_address&) = default;
  friend auto operator<=>(const ip_address&, const ip_address&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

/// An address and a TCP port.
struct endpoint {
  ip_address ip;
  std::uint16_t port = 0;

  friend bool operator==(const endpoint&, const endpoint&) = default;
  friend auto operator<=>(const endpoint&, const endpoint&) = default;
};

[[nodiscard]] std::string to_string(const ip_address& ip);
/// "1.2.3.4:443" or "[2001:db8::1]:443".
[[nodiscard]] std::string to_string(const endpoint& at);

/// Reads "host:port" or "[v6]:port" with a literal address.
[[nodiscard]] std::optional<endpoint> parse_endpoint(std::string_view text);

/// Reads a TCP port: decimal, 1..65535, nothing around it.
[[nodiscard]] std::optional<std::uint16_t> parse_port(std::string_view text);

}  // namespace mtp
