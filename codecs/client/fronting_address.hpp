// Addresses that a name may lead to and that are never dialled for it: otherwise a prober, or the
// owner of a domain, would get into our own network, or back into this proxy.
// An address that an operator wrote is not asked about here.
#pragma once

#include <span>

#include "codecs/base/address.hpp"

namespace mtp {

/// What is wrong with dialling `ip` because a name led to it: "a private network" or the like, for
/// the log; empty if nothing is. `own` are the addresses of this machine, and those that others
/// reach it by. `ip_address` takes a v4-mapped address for the IPv4 address in it, which is what
/// is judged, and dialled.
[[nodiscard]] std::string_view why_not_dialled(const ip_address& ip,
                                               std::span<const ip_address> own);

}  // namespace mtp
