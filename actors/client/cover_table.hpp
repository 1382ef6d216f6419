// What cover sites answer, for those who answer in their place.
#pragma once

#include <algorithm>
#include <memory>

#include "actors/client/cover_sites.hpp"
#include "codecs/client/cover_profile.hpp"

namespace mtp::actors {

/// Never changed, only replaced as a whole (net::published).
struct cover_table {
  struct entry {
    cover_site site;
    /// Null: not measured, or nothing that could be imitated.
    std::shared_ptr<const cover_profile> profile;
    bool leads_back = false;
  };
  std::vector<entry> entries;

  /// As the site was seen by those who ask for this name, else for another one. Null: not at all.
  [[nodiscard]] std::shared_ptr<const cover_profile> find(const config::fronting_target& target,
                                                          std::string_view sni) const {
    const entry* best = nullptr;
    for (const auto& known : entries) {
      if (known.profile == nullptr || known.site.target != target) continue;
      if (known.site.sni == sni) return known.profile;
      if (best == nullptr) best = &known;
    }
    return best != nullptr ? best->profile : nullptr;
  }
  /// A hello of ours that was sent there has come back to us.
  [[nodiscard]] bool leads_back(const config::fronting_target& target) const {
    return std::ranges::any_of(entries, [&](const entry& known) {
      return known.leads_back && known.site.target == target;
    });
  }
};

}  // namespace mtp::actors
