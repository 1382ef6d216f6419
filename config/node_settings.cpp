#include "config/node_settings.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "config/node_address.hpp"
#include "config/toml_reader.hpp"

namespace mtp::config {

namespace {

constexpr std::size_t shortest_cookie = 16;

constexpr std::string_view name_wanted =
    "a name of at most 63 letters, digits, \".\", \"_\" and \"-\" that starts with a letter or "
    "digit";
constexpr std::string_view back_wanted =
    "name@host or name@host:port, the host a name, an IPv4 address or an IPv6 address in brackets, "
    "the port from 1 to 65535";
constexpr std::string_view cookie_wanted =
    "a text of at least 16 characters, the same on every node, for example from: openssl rand -hex "
    "16";
constexpr std::string_view file_wanted =
    "the path of a PEM file; scripts/gen_dist_certs.sh makes them";

/// What only a node that speaks to Telegram uses. Not `external_ip` and `external_ipv6`: links name
/// them, on a front.
constexpr auto options_of_backs = std::to_array<std::string_view>(
    {"proxy_secret_url", "proxy_config_url", "proxy_config_v6_url", "core_api_http_timeout_ms",
     "conf_refresh_interval", "ip_lookup_services", "prefer_ipv6", "init_dc_connections",
     "clients_per_dc_connection", "dc_idle_timeout_sec", "downstream_socket_buffer_size",
     "downstream_backpressure", "upstream_healthchecks", "mtp_full_check_crc32",
     "dc_ping_interval_sec", "dc_stall_timeout_sec"});

/// What only a node that has clients uses.
constexpr auto options_of_fronts = std::to_array<std::string_view>(
    {"listen_ip", "max_connections", "allowed_protocols", "per_sni_secrets", "per_sni_secret_salt",
     "init_timeout_sec", "hibernate_timeout_sec", "ready_timeout_sec", "reset_close_socket",
     "replay_check_server_error_filter", "replay_check_session_storage",
     "replay_check_session_storage_opts", "upstream_socket_buffer_size",
     "upstream_send_timeout_ms"});

/// Reads role, name, backs and link of one file.
class node_reader {
 public:
  using path_function = std::function<std::string(const std::string&)>;

  node_reader(toml_reader& in, const path_function& beside_file, settings& out)
      : in_{in}, beside_file_{beside_file}, out_{out} {}

  void read();

 private:
  void read_backs();
  void check_backs(const toml::node& node, std::string_view key);
  void read_link();
  void read_link_table(toml_reader& in);
  void read_listen(toml_reader& in);
  void read_allowed_nodes(toml_reader& in);
  void read_files(toml_reader& in);
  void read_cookie(toml_reader& in);
  /// Reports each of `keys` that is there.
  void refuse(std::span<const std::string_view> keys, const std::string& why);
  void warn(std::span<const std::string_view> keys, const std::string& why);
  [[nodiscard]] std::string_view transport() const;

  toml_reader& in_;
  const path_function& beside_file_;
  settings& out_;
};

void node_reader::refuse(std::span<const std::string_view> keys, const std::string& why) {
  for (const auto key : keys)
    if (const auto* const node = in_.find(key)) in_.problem(*node, key, why);
}

void node_reader::warn(std::span<const std::string_view> keys, const std::string& why) {
  for (const auto key : keys)
    if (in_.has(key)) in_.warning(*in_.find(key), key, why);
}

std::string_view node_reader::transport() const {
  switch (out_.node_link.security) {
    case link_security::tls:
      return "tls";
    case link_security::plain:
      return "plain";
    case link_security::caf_openssl:
      return "caf-openssl";
  }
  return {};
}

void node_reader::check_backs(const toml::node& node, std::string_view key) {
  const auto& backs = out_.back_nodes;
  for (auto one = backs.begin(); one != backs.end(); ++one) {
    const auto same_name = [&](const back_address& other) { return other.name == one->name; };
    const auto same_place = [&](const back_address& other) {
      return other.host == one->host && other.port == one->port;
    };
    if (std::find_if(backs.begin(), one, same_place) != one)
      in_.problem(node, key, "has the place of " + to_string(*one) + " twice");
    else if (std::find_if(backs.begin(), one, same_name) != one)
      in_.problem(node, key,
                  "two backs have the name \"" + one->name +
                      "\": give each its own (node_name, and a certificate that says so)");
  }
}

void node_reader::read_backs() {
  constexpr auto keys =
      std::to_array<std::string_view>({"back_node", "back_nodes", "back_nodes_policy"});
  if (out_.role != node_role::front)
    return refuse(keys, R"(only a front has backs: set node_role = "front", or remove it)");
  const auto parse = [](const std::string& text) { return parse_back_address(text); };
  const auto* const one = in_.find("back_node");
  const auto* const several = in_.find("back_nodes");
  if (one != nullptr && several != nullptr)
    in_.problem(*one, "back_node", "back_nodes is there too: put every back into that list");
  if (one == nullptr && several == nullptr)
    in_.missing("back_node", "the back's name, host and port, for example \"back@192.0.2.1:9199\"");
  if (several != nullptr) {
    in_.list("back_nodes", out_.back_nodes, std::string{back_wanted}, parse);
    if (const auto* const list = several->as_array(); list != nullptr && list->empty())
      in_.problem(*several, "back_nodes", "expected at least one back");
    check_backs(*several, "back_nodes");
  } else if (one != nullptr) {
    out_.back_nodes.resize(1);
    in_.parsed("back_node", out_.back_nodes.front(), std::string{back_wanted}, parse);
  }
  in_.choice<back_choice>("back_nodes_policy", out_.back_nodes_policy,
                          {{"failover", back_choice::failover}, {"balance", back_choice::balance}});
}

void node_reader::read_listen(toml_reader& in) {
  const auto* const node = in.find("listen");
  if (out_.role == node_role::front) {
    if (node != nullptr)
      in.warning(*node, "listen", "has no effect on a front: it goes to its backs");
    return;
  }
  constexpr std::string_view wanted =
      R"(the address and port where fronts come, for example "0.0.0.0:9199" or "[::]:9199")";
  if (node == nullptr) return in.missing("listen", std::string{wanted});
  auto& listen = out_.node_link.listen;
  in.parsed("listen", listen, std::string{wanted},
            [](const std::string& text) { return parse_endpoint(text); });
  if (listen && listen->ip.is_any() && out_.node_link.security != link_security::tls)
    in.problem(*node, "listen",
               "transport \"" + std::string{transport()} +
                   "\" is not for open networks: expected the address of a tunnel or a closed "
                   "network, found " +
                   to_string(*listen) + " (every address)");
}

void node_reader::read_allowed_nodes(toml_reader& in) {
  const auto* const node = in.find("allowed_nodes");
  if (out_.role == node_role::front) {
    if (node != nullptr)
      in.warning(
          *node, "allowed_nodes",
          "has no effect on a front: nobody comes to it, and it goes to whom back_node names");
    return;
  }
  if (out_.node_link.security != link_security::tls) {
    // Only our own TLS looks at the name in a certificate.
    if (node != nullptr)
      in.problem(*node, "allowed_nodes",
                 "transport \"" + std::string{transport()} +
                     "\" can't check names, whoever has the cookie may come: remove it, or set "
                     "transport = \"tls\"");
    return;
  }
  if (node == nullptr)
    return in.missing("allowed_nodes",
                      "the names of the fronts that may come, as their certificates say");
  in.list("allowed_nodes", out_.node_link.allowed_nodes, std::string{name_wanted}, parse_node_name);
  if (const auto* const list = node->as_array(); list != nullptr && list->empty())
    in.problem(*node, "allowed_nodes", "expected at least one name: with none, no front may come");
}

void node_reader::read_files(toml_reader& in) {
  auto& link = out_.node_link;
  for (const auto& [key, into] : {std::pair{"certificate", &link.certificate},
                                  std::pair{"key", &link.key}, std::pair{"ca", &link.ca}}) {
    const auto* const node = in.find(key);
    if (link.security == link_security::plain) {
      if (node != nullptr)
        in.problem(*node, key,
                   "transport \"plain\" encrypts nothing and has no certificates: remove it, or "
                   "set transport = \"tls\"");
    } else if (node == nullptr) {
      in.missing(key, std::string{file_wanted});
    } else {
      in.parsed(key, *into, std::string{file_wanted}, [this](const std::string& path) {
        // Not what such a file holds: it would be quoted as the path.
        const bool is_path = !path.empty() && path.find('\n') == std::string::npos;
        return is_path ? std::optional{beside_file_(path)} : std::nullopt;
      });
    }
  }
}

void node_reader::read_cookie(toml_reader& in) {
  auto& link = out_.node_link;
  if (!in.has("cluster_cookie") && link.security != link_security::tls)
    return in.missing("cluster_cookie", std::string{cookie_wanted});
  in.parsed("cluster_cookie", link.cluster_cookie, std::string{cookie_wanted},
            [](const std::string& text) {
              return text.size() >= shortest_cookie ? std::optional{text} : std::nullopt;
            });
}

void node_reader::read_link_table(toml_reader& in) {
  auto& link = out_.node_link;
  in.choice<link_security>("transport", link.security,
                           {{"tls", link_security::tls},
                            {"plain", link_security::plain},
                            {"caf-openssl", link_security::caf_openssl}});
  read_listen(in);
  read_allowed_nodes(in);
  read_files(in);
  read_cookie(in);
  in.duration("timeout_sec", link.timeout, 3, 600);
}

void node_reader::read_link() {
  const auto* const node = in_.find("node_link");
  if (out_.role == node_role::both) {
    if (node != nullptr)
      in_.problem(*node, "node_link",
                  "a node of role \"both\" has no link: set node_role = \"front\" or \"back\", or "
                  "remove it");
    return;
  }
  if (node == nullptr)
    return in_.missing("node_link", out_.role == node_role::front
                                        ? "a table with certificate, key and ca"
                                        : "a table with listen, certificate, key, ca and "
                                          "allowed_nodes");
  in_.table("node_link", [this](toml_reader& link) { read_link_table(link); });
}

void node_reader::read() {
  std::optional<node_role> role;
  in_.choice<std::optional<node_role>>(
      "node_role", role,
      {{"both", node_role::both}, {"front", node_role::front}, {"back", node_role::back}});
  if (!role && in_.has("node_role")) {
    // What the rest should be depends on what is not known.
    for (const auto* const key :
         {"node_name", "back_node", "back_nodes", "back_nodes_policy", "node_link"})
      static_cast<void>(in_.find(key));
    return;
  }
  out_.role = role.value_or(node_role::both);
  out_.node_name = to_string(out_.role);
  in_.parsed("node_name", out_.node_name, std::string{name_wanted}, parse_node_name);
  read_backs();
  read_link();
  if (out_.role == node_role::front)
    warn(options_of_backs, "has no effect on a front: set it on its backs");
  if (out_.role == node_role::back)
    warn(options_of_fronts, "has no effect on a back: set it on the fronts");
}

}  // namespace

void read_nodes(toml_reader& in, const std::function<std::string(const std::string&)>& beside_file,
                settings& out) {
  node_reader{in, beside_file, out}.read();
}

}  // namespace mtp::config
