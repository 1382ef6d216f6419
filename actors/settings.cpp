#include "actors/settings.hpp"

#include <algorithm>

namespace mtp::actors {

bool settings::allows(protocol which) const noexcept {
  return std::ranges::find(allowed_protocols, which) != allowed_protocols.end();
}

std::string_view to_string(protocol which) noexcept {
  switch (which) {
    case protocol::mtp_abridged:
      return "mtp_abridged";
    case protocol::mtp_intermediate:
      return "mtp_intermediate";
    case protocol::mtp_secure:
      return "mtp_secure";
    case protocol::mtp_fake_tls:
      return "mtp_fake_tls";
  }
  return {};
}

}  // namespace mtp::actors
