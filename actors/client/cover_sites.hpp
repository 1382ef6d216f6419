// The sites that we are taken for: what they answer is measured (actors/client/cover_profiler), so
// that a client's handshake looks the same. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/settings.hpp"

namespace mtp::actors {

/// A site as those see it who ask for a name there.
struct cover_site {
  config::fronting_target target;
  /// In its normal form.
  std::string sni;
  /// Our clients ask for this name there. Else only others are forwarded there, and all that counts
  /// is whether it leads back to this proxy.
  bool is_cover = true;
  friend bool operator==(const cover_site&, const cover_site&) = default;
};

/// More are not measured: those of the first ports and names are.
inline constexpr std::size_t max_cover_sites = 64;

/// Nothing with `measure_sites` off. For each port, and each name that its clients ask for: the
/// site that others who ask for it are forwarded to. These names are `tls_domains`; where there are
/// none, those in `fronting_sites` and `fronting_names`; where there are none of these either, the
/// name of the site, or that in our links. Behind them all other sites. None twice.
[[nodiscard]] std::vector<cover_site> cover_sites_of(const config::client_config& all);

/// Names it in files and in the log: "name@place", printable and without blanks, at most 255 bytes
/// (`max_cover_site`).
[[nodiscard]] std::string text_of(const cover_site& site);

}  // namespace mtp::actors
