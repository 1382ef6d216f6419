// Networks in the notation of CIDR: the addresses that begin with the same bits.
#pragma once

#include <span>

#include "codecs/base/address.hpp"

namespace mtp {

/// A network of one family. IPv4 in IPv6 counts as IPv4, as in `ip_address`: "::/0" has no IPv4
/// address in it.
class cidr {
 public:
  /// "10.0.0.0/8", "2001:db8::/32", or an address alone, which is a network of one. Nothing for
  /// anything else: also for bits behind the prefix ("10.0.0.1/8"), which may be a mistake, and for
  /// IPv4 written as IPv6.
  [[nodiscard]] static std::optional<cidr> parse(std::string_view text);

  [[nodiscard]] bool contains(const ip_address& ip) const noexcept;
  /// Its first address.
  [[nodiscard]] const ip_address& first() const noexcept { return first_; }
  /// Bits that all addresses share: at most 32, or 128 for IPv6.
  [[nodiscard]] unsigned prefix() const noexcept { return prefix_; }

  friend bool operator==(const cidr&, const cidr&) = default;

 private:
  cidr(const ip_address& first, unsigned prefix) noexcept : first_{first}, prefix_{prefix} {}

  ip_address first_;
  unsigned prefix_;
};

/// "10.0.0.0/8"; a network of one as its address.
[[nodiscard]] std::string to_string(const cidr& network);

/// Whether one of the networks has the address.
[[nodiscard]] bool contains(std::span<const cidr> networks, const ip_address& ip) noexcept;

}  // namespace mtp
