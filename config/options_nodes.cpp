// The option table: front and back nodes.
#include <algorithm>

#include "config/option_table.hpp"
#include "config/option_values.hpp"
#include "config/target_value.hpp"

namespace mtp::config {

namespace {

using of = values<settings>;

constexpr misplaced only_a_front_has_backs{
    .refused = true, .text = R"(only a front has backs: set node_role = "front", or remove it)"};

/// A front's only back: a list of one.
constexpr auto only_back_node = computed{
    [](const settings& from) {
      return from.link.back_nodes.empty() ? std::nullopt
                                          : std::optional{from.link.back_nodes.front()};
    },
    [](settings& into, const back_address& back) { into.link.back_nodes.assign(1, back); }};

void read_link_fronting(toml_reader& in, std::string_view key, settings& into) {
  if (auto target = read_target(in, key)) into.link.node_link.fronting = std::move(target);
}

std::string show_link_fronting(const settings& from) {
  const auto& target = from.link.node_link.fronting;
  return target ? show_target(*target) : std::string{not_set};
}

std::vector<option> link_options() {
  return {
      {.table = "node_link",
       .key = "transport",
       .value =
           of::word(at(&settings::link, &link_config::node_link, &node_link_settings::security),
                    {{"tls", link_security::tls},
                     {"plain", link_security::plain},
                     {"caf-openssl", link_security::caf_openssl}}),
       .roles = with_node_link,
       .applies = change_time::restart,
       .original = false,
       .line =
           "How the link is secured, the same on both sides. `\"tls\"`: TLS 1.3, with certificates "
           "on both sides. `\"plain\"`: nothing is encrypted. `\"caf-openssl\"`: the TLS of the "
           "CAF library; strangers who reach its port can do harm, and any certificate of the CA "
           "passes. The last two are only for tunnels and closed networks. With "
           "`\"caf-openssl\"` a change of `listen`, `certificate`, `key`, `ca` or `timeout_sec` "
           "waits for a restart, too."},
      {.table = "node_link",
       .key = "listen",
       .value = of::text(at(&settings::link, &link_config::node_link, &node_link_settings::listen),
                         link_place),
       .shown_default = "required on a back",
       .roles = only_back,
       .elsewhere = {.text = "has no effect on a front: it goes to its backs"},
       .applies = change_time::live,
       .original = false,
       .example = "\"0.0.0.0:9199\"",
       .line = "Back: the address and port for fronts, as `\"0.0.0.0:9199\"` or `\"[::]:9199\"`. "
               "With `\"plain\"` and `\"caf-openssl\"` it must be one address of this machine. Let "
               "the firewall pass only the addresses of fronts."},
      {.table = "node_link",
       .key = "certificate",
       .value =
           of::path(at(&settings::link, &link_config::node_link, &node_link_settings::certificate),
                    file_path),
       .shown_default = "required",
       .roles = with_node_link,
       .applies = change_time::new_connections,
       .original = false,
       .example = "\"/etc/mtproto-proxy/dist/back.pem\"",
       .line = "This node's certificate: a PEM file, relative to the configuration file. "
               "`scripts/gen_dist_certs.sh` makes it. If the file is replaced, new connections use "
               "the new one. Not with `\"plain\"`."},
      {.table = "node_link",
       .key = "key",
       .value = of::path(at(&settings::link, &link_config::node_link, &node_link_settings::key),
                         file_path),
       .shown_default = "required",
       .roles = with_node_link,
       .applies = change_time::new_connections,
       .secret = true,
       .original = false,
       .example = "\"/etc/mtproto-proxy/dist/back.key\"",
       .line = "The private key of that certificate: a PEM file."},
      {.table = "node_link",
       .key = "ca",
       .value = of::path(at(&settings::link, &link_config::node_link, &node_link_settings::ca),
                         file_path),
       .shown_default = "required",
       .roles = with_node_link,
       .applies = change_time::new_connections,
       .original = false,
       .example = "\"/etc/mtproto-proxy/dist/ca.pem\"",
       .line = "The certificate of the CA that signed the certificates of all nodes: a PEM file."},
      {.table = "node_link",
       .key = "allowed_nodes",
       .value = of::list(
           at(&settings::link, &link_config::node_link, &node_link_settings::allowed_nodes),
           node_name_text, "expected at least one name: with none, no front may come"),
       .shown_default = "required on a back with `\"tls\"`",
       .roles = only_back,
       .elsewhere = {.text = "has no effect on a front: nobody comes to it, and it goes to whom "
                             "back_node names"},
       .applies = change_time::live,
       .original = false,
       .example = "[\"front1\"]",
       .line = "Back, with `\"tls\"`: the names of the fronts that may connect, as in their "
               "certificates. A node on this list can control this one. A front that is taken off "
               "the list is cut off."},
      {.table = "node_link",
       .key = "cluster_cookie",
       .value = of::text(
           at(&settings::link, &link_config::node_link, &node_link_settings::cluster_cookie),
           cookie_text),
       .shown_default = "none",
       .roles = with_node_link,
       .applies = change_time::new_connections,
       .secret = true,
       .original = false,
       .example = "\"0123456789abcdef\"",
       .line = "A secret that nodes prove to each other: at least 16 characters, the same on all "
               "nodes, for example from `openssl rand -hex 16`. Required with `\"plain\"` and "
               "`\"caf-openssl\"`."},
      {.table = "node_link",
       .key = "sni",
       .value = of::text(at(&settings::link, &link_config::node_link, &node_link_settings::sni),
                         domain_text),
       .shown_default = "none",
       .roles = with_node_link,
       .applies = change_time::new_connections,
       .original = false,
       .example = "\"www.example.com\"",
       .line =
           "With `\"tls\"`: the server name that a front's hello asks for, as observers expect "
           "one there. The certificates do not depend on it. On a back with `fronting`: the name "
           "by which it knows fronts."},
      {.table = "node_link",
       .key = "fronting",
       .value = {.read = read_link_fronting, .show = show_link_fronting},
       .shown_default = "none: they are closed",
       .roles = only_back,
       .elsewhere = {.text = "has no effect on a front: nobody comes to it over the link"},
       .applies = change_time::new_connections,
       .original = false,
       .example = "\"127.0.0.1:8443\"",
       .line = "Back, with `\"tls\"`: the [site](#sites) that gets connections to `listen` that "
               "are not a front's: whatever is no TLS, and a ClientHello without the name that "
               "fronts ask for (`sni`, which must be the same on the back then)."},
      {.table = "node_link",
       .key = "timeout_sec",
       .value =
           of::duration(at(&settings::link, &link_config::node_link, &node_link_settings::timeout),
                        {.least = 3, .most = 600}),
       .unit = "s",
       .roles = with_node_link,
       .applies = change_time::live,
       .original = false,
       .line = "The other node counts as lost when nothing has come from it for this long."},
  };
}

}  // namespace

option_group node_options() {
  option_group group{
      .name = "nodes",
      .options = {
          {.key = "node_role",
           .value = of::word(
               at(&settings::process, &process_config::role),
               {{"both", node_role::both}, {"front", node_role::front}, {"back", node_role::back}}),
           .applies = change_time::restart,
           .line = "Which part of the proxy runs. `\"front\"`: the side of clients. `\"back\"`: "
                   "the side of Telegram. `\"both\"`: the whole proxy."},
          {.key = "node_name",
           .value = of::text(at(&settings::link, &link_config::node_name), node_name_text),
           .shown_default = "the role",
           .applies = change_time::new_connections,
           .original = false,
           .example = "\"front1\"",
           .line = "What the node calls itself; the same as the name in its certificate. At most "
                   "63 letters, digits, `.`, `_` and `-`, a letter or digit first."},
          {.key = "back_node",
           .value = of::spelling_of(of::text(only_back_node, back_text)),
           .shown_default = "required on a front",
           .roles = only_front,
           .elsewhere = only_a_front_has_backs,
           .applies = change_time::live,
           .example = "\"back@192.0.2.1:9199\"",
           .line =
               "Front: its back, as `\"back@host:port\"`. The name is the one in the back's "
               "certificate (`back`, if `scripts/gen_dist_certs.sh init` made it). The host is a "
               "name, an IPv4 address, or an IPv6 address in brackets. Without a port it is 9199."},
          {.key = "back_nodes",
           .value = of::list(at(&settings::link, &link_config::back_nodes), back_text,
                             "expected at least one back"),
           .shown_default = "none",
           .roles = only_front,
           .elsewhere = only_a_front_has_backs,
           .applies = change_time::live,
           .original = false,
           .example = R"(["back@192.0.2.1", "back2@192.0.2.2"])",
           .line = "Front: several backs, in place of `back_node`. Names and addresses must "
                   "differ, and no two entries may lead to the same node."},
          {.key = "back_nodes_policy",
           .value =
               of::word(at(&settings::link, &link_config::back_nodes_policy),
                        {{"failover", back_choice::failover}, {"balance", back_choice::balance}}),
           .roles = only_front,
           .elsewhere = only_a_front_has_backs,
           .applies = change_time::live,
           .original = false,
           .line = "Front: which back gets a client. `\"failover\"`: the first in the list that is "
                   "connected. `\"balance\"`: the connected one with the fewest clients."},
          {.key = "node_link",
           .shape = option_shape::table,
           .roles = with_node_link,
           .elsewhere = {.refused = true,
                         .text =
                             "a node of role \"both\" has no link: set node_role = \"front\" or "
                             "\"back\", or remove it"},
           .applies = change_time::live,
           .original = false,
           .line = "The link between front and back."},
      }};
  std::ranges::move(link_options(), std::back_inserter(group.options));
  return group;
}

}  // namespace mtp::config
