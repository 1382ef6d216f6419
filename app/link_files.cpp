#include "app/link_files.hpp"

#include "net/tls/tls_context.hpp"

namespace mtp::app {

link_files_report check_link_files(const config::settings& settings) {
  link_files_report report;
  const auto& link = settings.link.node_link;
  if (settings.process.role == config::node_role::both ||
      link.security == config::link_security::plain)
    return report;
  const auto side = settings.process.role == config::node_role::back ? net::tls_side::accepting
                                                                     : net::tls_side::dialing;
  const auto loaded = net::tls_context::load(
      {.certificate = link.certificate, .key = link.key, .ca = link.ca}, side);
  if (!loaded)
    report.problems.push_back({.line = 0, .where = "node_link", .text = loaded.error()});
  else if ((*loaded)->name() != settings.link.node_name)
    report.warnings.push_back({.line = 0,
                               .where = "node_name",
                               .text = "is \"" + settings.link.node_name +
                                       "\", but the certificate says \"" + (*loaded)->name() +
                                       "\", which is what other nodes go by"});
  return report;
}

}  // namespace mtp::app
