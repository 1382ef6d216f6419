#include "codecs/base/cidr.hpp"

#include <algorithm>
#include <charconv>

namespace mtp {

namespace {

constexpr unsigned address_bits = 128;

unsigned most_bits(const ip_address& ip) noexcept {
  return ip.is_v4() ? 32 : address_bits;
}

/// Whether the addresses are equal in so many bits of their 128.
bool agree(const ip_address& a, const ip_address& b, unsigned bits) noexcept {
  const auto whole = bits / 8;
  const auto& left = a.mapped();
  const auto& right = b.mapped();
  if (!std::equal(left.begin(), left.begin() + whole, right.begin())) return false;
  const auto mask = 0xffU << (8 - bits % 8);
  return bits % 8 == 0 || ((left[whole] ^ right[whole]) & mask & 0xff) == 0;
}

/// Whether all bits behind the first `bits` are 0.
bool ends_in_zeros(const ip_address& ip, unsigned bits) noexcept {
  const auto& octets = ip.mapped();
  for (auto bit = bits; bit < address_bits; ++bit)
    if ((octets[bit / 8] >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

/// A prefix counted from the front of the mapped address.
unsigned mapped_bits(const ip_address& first, unsigned prefix) noexcept {
  return prefix + address_bits - most_bits(first);
}

}  // namespace

std::optional<cidr> cidr::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = text.substr(0, slash);
  const auto ip = ip_address::parse(address);
  if (!ip || (ip->is_v4() && address.find(':') != std::string_view::npos)) return std::nullopt;
  if (slash == std::string_view::npos) return cidr{*ip, most_bits(*ip)};
  const auto number = text.substr(slash + 1);
  const auto* const end = number.data() + number.size();
  unsigned prefix = 0;
  const auto [stop, status] = std::from_chars(number.data(), end, prefix);
  if (status != std::errc{} || stop != end || prefix > most_bits(*ip) ||
      !ends_in_zeros(*ip, mapped_bits(*ip, prefix)))
    return std::nullopt;
  return cidr{*ip, prefix};
}

bool cidr::contains(const ip_address& ip) const noexcept {
  return ip.is_v4() == first_.is_v4() && agree(ip, first_, mapped_bits(first_, prefix_));
}

std::string to_string(const cidr& network) {
  const auto& first = network.first();
  const auto address = to_string(first);
  return network.prefix() == most_bits(first) ? address
                                              : address + '/' + std::to_string(network.prefix());
}

bool contains(std::span<const cidr> networks, const ip_address& ip) noexcept {
  return std::ranges::any_of(networks, [&](const cidr& network) { return network.contains(ip); });
}

}  // namespace mtp
