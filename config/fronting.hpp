// Fronting: where connections go that are not a client's. doc/config.md, "Fronting".
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "codecs/base/address.hpp"
#include "codecs/client/proxy_header.hpp"

namespace mtp::config {

/// The longest path of a UNIX socket, in bytes.
inline constexpr std::size_t max_socket_path = 107;
/// Before the path of a UNIX socket.
inline constexpr std::string_view socket_prefix = "unix:";

/// A site that is known by a name, in its normal form (codecs/base/host_name).
struct named_site {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const named_site&, const named_site&) = default;
};

/// A site that listens on a UNIX socket.
struct site_socket {
  std::string path;
  friend bool operator==(const site_socket&, const site_socket&) = default;
};

/// A site that connections are forwarded to.
struct fronting_target {
  std::variant<endpoint, named_site, site_socket> place;
  /// Set: the site is sent such a header first, with the addresses of the connection.
  std::optional<proxy_version> proxy_protocol = {};

  /// Whether the place may be dialled as it is: an operator wrote this address or path. A name
  /// leads where its owner likes, so its addresses are checked (codecs/client/fronting_address).
  [[nodiscard]] bool is_trusted() const noexcept {
    return !std::holds_alternative<named_site>(place);
  }
  friend bool operator==(const fronting_target&, const fronting_target&) = default;
};

/// Reads "unix:" and the absolute path of a socket, of at most `max_socket_path` bytes: the path.
[[nodiscard]] std::optional<std::string> parse_socket_path(std::string_view text);

/// Reads "host:port", "[v6]:port" or "unix:/path". Nothing for anything else, nor for "localhost",
/// a name that leads to an address that no name may lead to.
[[nodiscard]] std::optional<fronting_target> parse_fronting_target(std::string_view text);
/// The place in the same form, without the header.
[[nodiscard]] std::string to_string(const fronting_target& target);

/// Reads a key of `[fronting_sites]`: the normal form of a name, or of "*." and a name.
[[nodiscard]] std::optional<std::string> parse_site_name(std::string_view text);

/// `domain_fronting`: where a connection goes that no other option has a site for.
enum class fronting_mode : std::uint8_t {
  /// Nowhere: it is closed.
  off,
  /// To the name that it asks for, if that is one of ours.
  sni,
  /// To `fronting_settings::fixed`.
  fixed,
};

/// `fronting_down`: what becomes of a connection whose site can't be reached.
enum class fronting_down : std::uint8_t {
  /// It ends as the attempt to reach the site did.
  mirror,
  /// It is closed.
  close,
  /// It stays open, and nothing is sent.
  hold,
};

struct fronting_settings {
  fronting_mode mode = fronting_mode::off;
  /// Present with `fronting_mode::fixed`.
  std::optional<fronting_target> fixed;
  /// For names that nothing else has a site for, and for connections that ask for no name.
  std::optional<fronting_target> fallback;
  /// By name, or by "*." and a name for all names that end in it.
  std::map<std::string, fronting_target, std::less<>> sites;
  /// Names besides `tls_domains` that are dialled in the mode `sni`.
  std::vector<std::string> names;
  /// Ports that are only forwarded, and where to.
  std::map<std::uint16_t, fronting_target> plain;
  /// All names are dialled in the mode `sni`.
  bool open = false;
  std::chrono::seconds connect_timeout{10};
  /// After its first byte, for a hello or a header to become whole.
  std::chrono::milliseconds silence{3000};
  std::chrono::seconds idle_timeout{600};
  /// 0: a quarter of `max_connections`.
  std::size_t max_fronted = 0;
  fronting_down when_down = fronting_down::mirror;
  /// Our answers to clients look like those of the sites, which are measured for that.
  bool measure_sites = true;
  friend bool operator==(const fronting_settings&, const fronting_settings&) = default;
};

}  // namespace mtp::config
