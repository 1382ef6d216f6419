#include "actors/client/cover_target.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>

#include "codecs/base/overloaded.hpp"
#include "codecs/client/fronting_address.hpp"

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
  cover_target target{.to = {},
                      .proxy = site.proxy_protocol,
                      .refusal = {},
                      .limit = settings.client.fronting.connect_timeout};
  if (side.covers.get()->leads_back(site)) target.refusal = "it leads back to this proxy";
  std::visit(overloaded{
                 [&](const endpoint& at) { target.to = net::dial_target{.addresses = {at}}; },
                 [&](const config::named_site& named) {
                   net::dial_target dial{.host = named.host, .port = named.port};
                   dial.forbids =
                       [own = own_addresses_of(side, settings.uplink, now)](const ip_address& ip) {
                         return !why_not_dialled(ip, own).empty();
                       };
                   target.to = std::move(dial);
                 },
                 [&](const config::site_socket& at) { target.to = at.path; },
             },
             site.place);
  return target;
}

tl::expected<net::unique_fd, int> connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  net::unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return tl::unexpected{errno};
  return fd;
}

}  // namespace mtp::actors
