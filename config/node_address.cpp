#include "config/node_address.hpp"

#include <algorithm>

#include "codecs/base/host_name.hpp"
#include "codecs/node_link/link_hello.hpp"

namespace mtp::config {

namespace {

/// The original's, in its firewall table.
constexpr std::uint16_t default_link_port = 9199;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/// Takes the host off the front of `text`; what follows stays.
std::optional<std::string> take_host(std::string_view& text) {
  const bool v6 = text.starts_with('[');
  const auto end = v6 ? text.find(']') : text.find(':');
  if (v6 && end == std::string_view::npos) return std::nullopt;
  const auto host = v6 ? text.substr(1, end - 1) : text.substr(0, end);
  const auto ip = ip_address::parse(host);
  if (ip && (ip->is_any() || v6 != (host.find(':') != std::string_view::npos))) return std::nullopt;
  if (!ip && (v6 || !is_host_name(host))) return std::nullopt;
  text.remove_prefix(std::min(text.size(), host.size() + (v6 ? 2 : 0)));
  return std::string{host};
}

}  // namespace

std::optional<std::string> parse_node_name(std::string_view text) {
  if (text.empty() || text.size() > max_node_name || !is_alphanumeric(text.front()) ||
      !std::ranges::all_of(
          text, [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; }))
    return std::nullopt;
  return std::string{text};
}

std::optional<back_address> parse_back_address(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos) return std::nullopt;
  const auto name = parse_node_name(text.substr(0, at));
  text.remove_prefix(at + 1);
  auto host = take_host(text);
  if (!name || !host) return std::nullopt;
  back_address address{.name = *name, .host = std::move(*host), .port = default_link_port};
  if (text.empty()) return address;
  const auto port = text.starts_with(':') ? parse_port(text.substr(1)) : std::nullopt;
  if (!port) return std::nullopt;
  address.port = *port;
  return address;
}

}  // namespace mtp::config
