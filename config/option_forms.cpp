#include "config/option_forms.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "codecs/base/host_name.hpp"
#include "codecs/base/text.hpp"
#include "config/node_address.hpp"
#include "config/option.hpp"

namespace mtp::config {

namespace {

constexpr std::size_t shortest_cookie = 16;

std::optional<std::array<std::uint8_t, 16>> parse_hex16(const std::string& text) {
  std::array<std::uint8_t, 16> decoded{};
  const auto raw = from_hex(text);
  if (!raw || raw->size() != decoded.size()) return std::nullopt;
  std::ranges::copy(*raw, decoded.begin());
  return decoded;
}

}  // namespace

std::string quoted(const std::string& text) {
  std::string quoted{'"'};
  for (const char c : text) {
    if (c == '"' || c == '\\')
      quoted += {'\\', c};
    else if (c >= ' ' && c <= '~')
      quoted += c;
    else
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return quoted + '"';
}

std::optional<std::string> parse_any_text(const std::string& text) {
  return text;
}

std::optional<std::string> parse_some_text(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional{text};
}

std::optional<std::string> parse_url(const std::string& text) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (text.starts_with(scheme) && text.size() > scheme.size() && text[scheme.size()] != '/' &&
        std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }))
      return text;
  return std::nullopt;
}

std::optional<std::string> parse_url_or_none(const std::string& text) {
  return text.empty() ? text : parse_url(text);
}

std::optional<std::string> parse_file_path(const std::string& text) {
  // Not what such a file holds: it would be quoted as the path.
  const bool is_path = !text.empty() && text.find('\n') == std::string::npos;
  return is_path ? std::optional{text} : std::nullopt;
}

std::optional<std::string> parse_cookie(const std::string& text) {
  return text.size() >= shortest_cookie ? std::optional{text} : std::nullopt;
}

std::optional<std::string> parse_name(const std::string& text) {
  return parse_node_name(text);
}

std::optional<ip_address> parse_address(const std::string& text) {
  return ip_address::parse(text);
}

std::optional<ip_address> parse_v4(const std::string& text) {
  const auto ip = ip_address::parse(text);
  return ip && ip->is_v4() && !ip->is_any() ? ip : std::nullopt;
}

std::optional<ip_address> parse_v6(const std::string& text) {
  const auto ip = ip_address::parse(text);
  return ip && !ip->is_v4() && !ip->is_any() ? ip : std::nullopt;
}

std::optional<endpoint> parse_place(const std::string& text) {
  return parse_endpoint(text);
}

std::optional<back_address> parse_back(const std::string& text) {
  return parse_back_address(text);
}

std::optional<protocol> parse_protocol(const std::string& text) {
  for (const auto name : {protocol::mtp_abridged, protocol::mtp_intermediate, protocol::mtp_secure,
                          protocol::mtp_fake_tls})
    if (text == to_string(name)) return name;
  return std::nullopt;
}

std::optional<secret16> parse_secret(const std::string& text) {
  return parse_hex16(text);
}

std::optional<std::optional<rpc::ad_tag>> parse_tag(const std::string& text) {
  if (text.empty()) return std::optional<rpc::ad_tag>{};
  const auto tag = parse_hex16(text);
  return tag ? std::optional{tag} : std::nullopt;
}

std::optional<std::string> parse_domain(const std::string& text) {
  return normal_host_name(text);
}

std::optional<cidr> parse_network(const std::string& text) {
  return cidr::parse(text);
}

std::optional<std::string> parse_socket_place(const std::string& text) {
  return parse_socket_path(text);
}

std::optional<unsigned> parse_file_mode(const std::string& text) {
  unsigned mode = 0;
  const auto* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, mode, 8);
  const bool is_number = error == std::errc{} && rest == end;
  return is_number && text.size() >= 3 && text.size() <= 4 && mode <= 0777 ? std::optional{mode}
                                                                           : std::nullopt;
}

std::string show_address(const ip_address& ip) {
  return quoted(to_string(ip));
}

std::string show_place(const endpoint& at) {
  return quoted(to_string(at));
}

std::string show_back(const back_address& at) {
  return quoted(to_string(at));
}

std::string show_protocol(const protocol& name) {
  return quoted(std::string{to_string(name)});
}

std::string show_secret(const secret16& secret) {
  return quoted(to_hex(secret));
}

std::string show_socket_place(const std::string& path) {
  return quoted(std::string{socket_prefix} + path);
}

std::string show_file_mode(const unsigned& mode) {
  return quoted(fmt::format("{:04o}", mode));
}

std::string show_network(const cidr& network) {
  return quoted(to_string(network));
}

std::string show_tag(const std::optional<rpc::ad_tag>& tag) {
  return tag ? quoted(to_hex(*tag)) : std::string{not_set};
}

}  // namespace mtp::config
