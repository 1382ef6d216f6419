// The links users open to use this proxy.
#pragma once

#include <string>
#include <vector>

#include "actors/settings.hpp"
#include "codecs/secret.hpp"

namespace mtp::app {

/// Domain of a fake-TLS link; the original's choice, and any other works as well.
inline constexpr std::string_view default_link_domain = "s3.amazonaws.com";

/// One link a kind of secret that `settings` lets in, the best disguised first: fake-TLS, dd,
/// classic.
[[nodiscard]] std::vector<proxy_link> make_links(const actors::settings& settings,
                                                 const actors::port_settings& port,
                                                 const std::string& server);

/// The address to put in links: `external_ip`, else the port's own address, else the one this
/// machine would use to reach Telegram.
[[nodiscard]] std::string guess_server(const actors::settings& settings,
                                       const actors::port_settings& port);

/// A text for the operator: links of all ports, with `server` instead of a guess if it is not
/// empty.
[[nodiscard]] std::string describe_links(const actors::settings& settings,
                                         const std::string& server);

}  // namespace mtp::app
