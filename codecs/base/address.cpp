#include "codecs/base/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace mtp {

ip_address ip_address::v4(std::array<std::uint8_t, 4> octets) noexcept {
  ip_address ip;
  std::ranges::copy(octets, ip.bytes_.begin() + 12);
  return ip;
}

ip_address ip_address::v6(std::array<std::uint8_t, 16> octets) noexcept {
  ip_address ip;
  ip.bytes_ = octets;
  return ip;
}

std::optional<ip_address> ip_address::parse(std::string_view text) {
  // inet_pton would stop there.
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated{text};
  std::array<std::uint8_t, 4> octets4{};
  if (inet_pton(AF_INET, terminated.c_str(), octets4.data()) == 1) return v4(octets4);
  std::array<std::uint8_t, 16> octets6{};
  if (inet_pton(AF_INET6, terminated.c_str(), octets6.data()) == 1) return v6(octets6);
  return std::nullopt;
}

bool ip_address::is_v4() const noexcept {
  return bytes_[10] == 0xff && bytes_[11] == 0xff &&
         std::all_of(bytes_.begin(), bytes_.begin() + 10, [](auto byte) { return byte == 0; });
}

std::array<std::uint8_t, 4> ip_address::v4_octets() const noexcept {
  return {bytes_[12], bytes_[13], bytes_[14], bytes_[15]};
}

bool ip_address::is_any() const noexcept {
  const auto host = byte_view{bytes_}.subspan(is_v4() ? 12 : 0);
  return std::ranges::all_of(host, [](auto byte) { return byte == 0; });
}

bool ip_address::is_loopback() const noexcept {
  if (is_v4()) return bytes_[12] == 127;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.begin() + 15, [](auto byte) { return byte == 0; });
}

bool ip_address::is_private() const noexcept {
  if (is_any() || is_loopback()) return true;
  if (!is_v4()) {
    const bool unique_local = (bytes_[0] & 0xfe) == 0xfc;
    const bool link_local = bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
    return unique_local || link_local;
  }
  const auto [a, b, c, d] = v4_octets();
  return a == 10 || (a == 172 && (b & 0xf0) == 16) || (a == 192 && b == 168) ||
         (a == 100 && (b & 0xc0) == 64) || (a == 169 && b == 254);
}

std::string to_string(const ip_address& ip) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (ip.is_v4()) {
    const auto octets = ip.v4_octets();
    inet_ntop(AF_INET, octets.data(), text.data(), text.size());
  } else {
    inet_ntop(AF_INET6, ip.mapped().data(), text.data(), text.size());
  }
  return text.data();
}

std::string to_string(const endpoint& at) {
  const auto port = std::to_string(at.port);
  return at.ip.is_v4() ? to_string(at.ip) + ':' + port : '[' + to_string(at.ip) + "]:" + port;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (status != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::optional<endpoint> parse_endpoint(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto ip = ip_address::parse(host);
  const auto port = parse_port(text.substr(colon + 1));
  if (!ip || !port || bracketed == (host.find(':') == std::string_view::npos)) return std::nullopt;
  return endpoint{.ip = *ip, .port = *port};
}

}  // namespace mtp
