#include "actors/client/cover_target.hpp"

namespace mtp::actors {

namespace {

/// Where a connection would lead back to this proxy.
std::vector<ip_address> own_addresses_of(client_side& side, const config::uplink_config& uplink,
                                         net::steady_clock::time_point now) {
  auto own = *side.own_addresses.get(now);
  for (const auto& ip : {uplink.external_ip, uplink.external_ipv6})
    if (ip) own.push_back(*ip);
  return own;
}

}  // namespace

cover_target cover_target_of(const config::fronting_target& site, client_side& side,
                             const config::settings& settings, net::steady_clock::time_point now) {
  auto target = make_cover_target(site, own_addresses_of(side, settings.uplink, now));
  target.limit = settings.client.fronting.connect_timeout;
  if (side.covers.get()->leads_back(site)) target.refusal = "it leads back to this proxy";
  return target;
}

}  // namespace mtp::actors
