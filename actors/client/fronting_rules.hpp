// Where a connection that is not a client's is forwarded to, and which names are those of clients.
// Pure: the site is not dialled here, and a name is not resolved.
#pragma once

#include <optional>
#include <string_view>

#include "config/settings.hpp"

namespace mtp::actors {

/// The site that a connection is forwarded to; nothing: it is closed. `sni` is the server name of
/// its hello as it came, empty without one; it counts only if the connection `is_tls`. The first of
/// these counts, but for a port that has one site (`relay_to`):
///
///   1. the site of this name in `fronting_sites`
///   2. the site of the longest "*.": for "a.b.c" that of "*.b.c" before that of "*.c"
///   3. with `domain_fronting = "sni"` the name itself, at port 443, if it is in `tls_domains` or
///      `fronting_names`, or if `fronting_open` is on
///   4. `fronting_default`
///   5. the site in `domain_fronting`
///
/// What is no name (an address, other bytes than those of names, too many of them) has 4 and 5
/// only.
[[nodiscard]] std::optional<config::fronting_target> fronting_target_of(
    std::string_view sni, bool is_tls, const config::client_config& all,
    const config::port_settings& port);

/// Whether a hello with this server name and a right digest is a client's: the name is one of
/// `domains`, or begins one (`cut_sni_size`), or there is none. Without domains any name is.
[[nodiscard]] bool is_our_domain(std::string_view sni, const std::vector<std::string>& domains);

/// Old clients (TDLib) send only so many bytes of a longer name.
inline constexpr std::size_t cut_sni_size = 182;

}  // namespace mtp::actors
