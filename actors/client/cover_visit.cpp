#include "actors/client/cover_visit.hpp"

#include <caf/all.hpp>

#include "actors/client/client_conn.hpp"
#include "codecs/base/overloaded.hpp"
#include "codecs/client/fronting_address.hpp"

namespace mtp::actors {

namespace {

/// Where a connection would lead back to this proxy.
std::vector<ip_address> own_addresses_of(client_conn& conn) {
  auto own = *conn.side().own_addresses.get(conn.home().now());
  const auto& uplink = conn.side().core.settings(conn.home()).uplink;
  for (const auto& ip : {uplink.external_ip, uplink.external_ipv6})
    if (ip) own.push_back(*ip);
  return own;
}

cover_target target_of(client_conn& conn, const config::fronting_target& to) {
  cover_target target{
      .to = {}, .proxy = to.proxy_protocol, .limit = conn.settings().fronting.connect_timeout};
  std::visit(overloaded{
                 [&](const endpoint& at) { target.to = net::dial_target{.addresses = {at}}; },
                 [&](const config::named_site& site) {
                   net::dial_target dial{.host = site.host, .port = site.port};
                   dial.forbids = [own = own_addresses_of(conn)](const ip_address& ip) {
                     return !why_not_dialled(ip, own).empty();
                   };
                   target.to = std::move(dial);
                 },
                 [&](const config::site_socket& at) { target.to = at.path; },
             },
             to.place);
  return target;
}

}  // namespace

cover_visit::cover_visit(client_conn& conn, const config::fronting_target& to,
                         const connection_ends& visit, byte_view seen)
    : conn_{&conn},
      target_{to},
      site_{conn,
            conn.side().core.resolver(conn.home()),
            conn.side().pipes[conn.home().index()],
            *this,
            target_of(conn, to),
            visit},
      place_{conn.side().fronted.join(conn.peer().ip, caf::actor{&conn}, site_.moved_at())} {
  site_.send(seen);
  // More than one, if a reload has lowered the limit.
  while (const auto evicted = conn.side().fronted.choose(conn.settings().most_fronted()))
    caf::anon_send(evicted, visit_evicted{});
}

void cover_visit::on_cover_speaks() {
  conn_->handle_cover_speaks();
}

void cover_visit::on_cover_unreachable(int error, const std::string& why) {
  conn_->handle_cover_unreachable(error, why);
}

void cover_visit::on_cover_over() {
  conn_->handle_cover_over();
}

}  // namespace mtp::actors
