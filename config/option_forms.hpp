// Options whose values are texts: how each is read, what is expected of it, and how it is shown.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace mtp::config {

/// A text that stands for a `Value`.
template <class Value>
struct text_form {
  /// For messages, after "expected".
  std::string_view wanted;
  /// Nothing for a text that is not `wanted`.
  std::optional<Value> (*parse)(const std::string& text);
  /// The same value as TOML.
  std::string (*show)(const Value& value);
};

/// `text` as a TOML string; bytes that are not printable ASCII are escaped.
[[nodiscard]] std::string quoted(const std::string& text);

[[nodiscard]] std::optional<std::string> parse_any_text(const std::string& text);
[[nodiscard]] std::optional<std::string> parse_some_text(const std::string& text);
[[nodiscard]] std::optional<std::string> parse_url(const std::string& text);
[[nodiscard]] std::optional<std::string> parse_url_or_none(const std::string& text);
[[nodiscard]] std::optional<std::string> parse_file_path(const std::string& text);
[[nodiscard]] std::optional<std::string> parse_cookie(const std::string& text);
[[nodiscard]] std::optional<std::string> parse_name(const std::string& text);
[[nodiscard]] std::optional<ip_address> parse_address(const std::string& text);
/// Not 0.0.0.0: an address that others see us by, or that we bind to.
[[nodiscard]] std::optional<ip_address> parse_v4(const std::string& text);
[[nodiscard]] std::optional<ip_address> parse_v6(const std::string& text);
[[nodiscard]] std::optional<endpoint> parse_place(const std::string& text);
[[nodiscard]] std::optional<back_address> parse_back(const std::string& text);
[[nodiscard]] std::optional<protocol> parse_protocol(const std::string& text);
[[nodiscard]] std::optional<secret16> parse_secret(const std::string& text);
/// An empty text is no tag.
[[nodiscard]] std::optional<std::optional<rpc::ad_tag>> parse_tag(const std::string& text);

/// "unix:/path": the path.
[[nodiscard]] std::optional<std::string> parse_socket_place(const std::string& text);
/// Three or four octal digits: permission bits.
[[nodiscard]] std::optional<unsigned> parse_file_mode(const std::string& text);

[[nodiscard]] std::optional<std::string> parse_domain(const std::string& text);
[[nodiscard]] std::optional<cidr> parse_network(const std::string& text);

[[nodiscard]] std::string show_address(const ip_address& ip);
[[nodiscard]] std::string show_place(const endpoint& at);
[[nodiscard]] std::string show_back(const back_address& at);
[[nodiscard]] std::string show_protocol(const protocol& name);
[[nodiscard]] std::string show_secret(const secret16& secret);
[[nodiscard]] std::string show_tag(const std::optional<rpc::ad_tag>& tag);
[[nodiscard]] std::string show_socket_place(const std::string& path);
[[nodiscard]] std::string show_file_mode(const unsigned& mode);
[[nodiscard]] std::string show_network(const cidr& network);

inline constexpr text_form<std::string> any_text{"a text", parse_any_text, quoted};
inline constexpr text_form<std::string> some_text{"a text that is not empty", parse_some_text,
                                                  quoted};
inline constexpr text_form<std::string> url{"a URL that starts with http:// or https://", parse_url,
                                            quoted};
inline constexpr text_form<std::string> url_or_none{
    "a URL that starts with http:// or https://, or \"\" for none", parse_url_or_none, quoted};
inline constexpr text_form<std::string> file_path{
    "the path of a PEM file; scripts/gen_dist_certs.sh makes them", parse_file_path, quoted};
inline constexpr text_form<std::string> cookie_text{
    "a text of at least 16 characters, the same on every node, for example from: openssl rand -hex "
    "16",
    parse_cookie, quoted};
inline constexpr text_form<std::string> node_name_text{
    "a name of at most 63 letters, digits, \".\", \"_\" and \"-\" that starts with a letter or "
    "digit",
    parse_name, quoted};
inline constexpr text_form<ip_address> any_address{"an IPv4 or IPv6 address", parse_address,
                                                   show_address};
inline constexpr text_form<ip_address> ipv4_address{"an IPv4 address", parse_v4, show_address};
inline constexpr text_form<ip_address> ipv6_address{"an IPv6 address", parse_v6, show_address};
inline constexpr text_form<endpoint> link_place{
    R"(the address and port where fronts come, for example "0.0.0.0:9199" or "[::]:9199")",
    parse_place, show_place};
inline constexpr text_form<back_address> back_text{
    "name@host or name@host:port, the host a name, an IPv4 address or an IPv6 address in brackets, "
    "the port from 1 to 65535",
    parse_back, show_back};
inline constexpr text_form<protocol> protocol_text{
    "mtp_abridged, mtp_intermediate, mtp_secure or mtp_fake_tls", parse_protocol, show_protocol};
inline constexpr text_form<secret16> secret_text{
    "32 hexadecimal digits (without dd or ee in front: links add those)", parse_secret,
    show_secret};
inline constexpr text_form<std::optional<rpc::ad_tag>> tag_text{
    "32 hexadecimal digits as @MTProxybot gives them (or leave it out)", parse_tag, show_tag};
inline constexpr text_form<std::string> domain_text{
    "the name of a host, as \"example.com\" (letters of other alphabets as \"xn--...\")",
    parse_domain, quoted};
inline constexpr text_form<std::string> socket_place{
    R"("unix:" and the absolute path of a UNIX socket, of at most 107 bytes (an address goes into )"
    "listen_ip and port)",
    parse_socket_place, show_socket_place};
inline constexpr text_form<unsigned> file_mode{R"(permission bits in octal digits, as "0660")",
                                               parse_file_mode, show_file_mode};
inline constexpr text_form<cidr> network_text{
    "an address, or a network without bits behind its prefix, as \"10.0.0.0/8\" or "
    "\"2001:db8::/32\"",
    parse_network, show_network};

}  // namespace mtp::config
