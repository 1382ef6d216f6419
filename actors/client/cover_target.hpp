// How a cover site is reached.
#pragma once

#include "actors/client/client_side.hpp"
#include "actors/core/cover_connection.hpp"

namespace mtp::actors {

/// A name may not lead to a private address, nor to one of ours; a site that has led back here is
/// not dialled. Any thread.
[[nodiscard]] cover_target cover_target_of(const config::fronting_target& site, client_side& side,
                                           const config::settings& settings,
                                           net::steady_clock::time_point now);

}  // namespace mtp::actors
