#include "config/node_rules.hpp"

#include <algorithm>
#include <tuple>

#include "config/fronting_checks.hpp"
#include "config/option_forms.hpp"
#include "config/toml_reader.hpp"

namespace mtp::config {

namespace {

std::string with_transport(link_security security) {
  return std::string{"transport \""} +
         (security == link_security::plain ? "plain" : "caf-openssl") + '"';
}

void check_each_back(toml_reader& in, const std::vector<back_address>& backs) {
  const auto& node = *in.find("back_nodes");
  for (auto back = backs.begin(); back != backs.end(); ++back) {
    const auto same_name = [&](const back_address& other) { return other.name == back->name; };
    const auto same_place = [&](const back_address& other) {
      return other.host == back->host && other.port == back->port;
    };
    if (std::find_if(backs.begin(), back, same_place) != back)
      in.problem(node, "back_nodes", "has the place of " + to_string(*back) + " twice");
    else if (std::find_if(backs.begin(), back, same_name) != back)
      in.problem(node, "back_nodes",
                 "two backs have the name \"" + back->name +
                     "\": give each its own (node_name, and a certificate that says so)");
  }
}

void check_backs(toml_reader& in, const std::vector<back_address>& backs) {
  const bool has_list = in.has("back_nodes");
  if (in.has("back_node") && has_list)
    in.problem(*in.find("back_node"), "back_node",
               "back_nodes is there too: put every back into that list");
  if (!in.has("back_node") && !has_list)
    in.missing("back_node", "the back's name, host and port, for example \"back@192.0.2.1:9199\"");
  if (has_list) check_each_back(in, backs);
}

void check_listen(toml_reader& link, const node_link_settings& read) {
  const auto& [security, listen] = std::tie(read.security, read.listen);
  if (!link.has("listen"))
    link.missing("listen", std::string{link_place.wanted});
  else if (listen && listen->ip.is_any() && security != link_security::tls)
    link.problem(*link.find("listen"), "listen",
                 with_transport(security) +
                     " is not for open networks: expected the address of a tunnel or a closed "
                     "network, found " +
                     to_string(*listen) + " (every address)");
}

void check_allowed_nodes(toml_reader& link, link_security security) {
  const auto* const node = link.find("allowed_nodes");
  // Only our own TLS looks at the name in a certificate.
  if (security != link_security::tls && node != nullptr)
    link.problem(*node, "allowed_nodes",
                 with_transport(security) +
                     " can't check names, whoever has the cookie may come: remove it, or set "
                     "transport = \"tls\"");
  if (security == link_security::tls && node == nullptr)
    link.missing("allowed_nodes",
                 "the names of the fronts that may come, as their certificates say");
}

void check_files(toml_reader& link, link_security security) {
  for (const auto* const key : {"certificate", "key", "ca"}) {
    const auto* const node = link.find(key);
    if (security == link_security::plain && node != nullptr)
      link.problem(*node, key,
                   "transport \"plain\" encrypts nothing and has no certificates: remove it, or "
                   "set transport = \"tls\"");
    if (security != link_security::plain && node == nullptr)
      link.missing(key, std::string{file_path.wanted});
  }
}

void check_link_fronting(toml_reader& link, const settings& read) {
  if (read.process.role != node_role::back) return;
  const auto& [listen, sni, fronting] =
      std::tie(read.link.node_link.listen, read.link.node_link.sni, read.link.node_link.fronting);
  if (link.has("sni") && !link.has("fronting"))
    link.warning(*link.find("sni"), "sni", "has no effect on a back without fronting");
  if (!fronting) return;
  if (sni.empty())
    link.warning(
        *link.find("fronting"), "fronting",
        "without sni, the same on fronts and back, fronts are known by asking for no name: "
        "a stranger without one is no site's visitor, and sees the link's certificate");
  const auto* const at = std::get_if<endpoint>(&fronting->place);
  if (at != nullptr && listen && reaches(*at, *listen))
    link.problem(*link.find("fronting"), "fronting",
                 to_string(*fronting) + " leads back to this node: it listens there");
}

}  // namespace

void check_node_link(toml_reader& link, const settings& read) {
  const auto security = read.link.node_link.security;
  if (read.process.role == node_role::back) {
    check_listen(link, read.link.node_link);
    check_allowed_nodes(link, security);
  }
  check_files(link, security);
  for (const auto* const key : {"sni", "fronting"})
    if (link.has(key) && security != link_security::tls)
      link.warning(*link.find(key), key, "has no effect without transport = \"tls\"");
  check_link_fronting(link, read);
  if (!link.has("cluster_cookie") && security != link_security::tls)
    link.missing("cluster_cookie", std::string{cookie_text.wanted});
}

void check_nodes(toml_reader& in, settings& read) {
  if (read.link.node_name.empty()) read.link.node_name = to_string(read.process.role);
  if (read.process.role == node_role::front) check_backs(in, read.link.back_nodes);
  if (read.process.role != node_role::both && !in.has("node_link"))
    in.missing("node_link", read.process.role == node_role::front
                                ? "a table with certificate, key and ca"
                                : "a table with listen, certificate, key, ca and allowed_nodes");
}

}  // namespace mtp::config
