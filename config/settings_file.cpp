#include "config/settings_file.hpp"

#include <algorithm>
#include <filesystem>
#include <set>
#include <sstream>

#include "codecs/base/text.hpp"
#include "config/node_settings.hpp"
#include "config/shown_text.hpp"
#include "config/toml_reader.hpp"
#include "config/toml_text.hpp"

namespace mtp::config {

namespace {

/// The example of the original's documentation.
constexpr std::string_view published_secret = "d0d6e111bada5511fcce9584deadbeef";

constexpr std::int64_t year_s = std::int64_t{366} * 24 * 3600;

/// Addresses that others see us by.
std::optional<ip_address> parse_v4(const std::string& text) {
  const auto ip = ip_address::parse(text);
  return ip && ip->is_v4() && !ip->is_any() ? ip : std::nullopt;
}

std::optional<ip_address> parse_v6(const std::string& text) {
  const auto ip = ip_address::parse(text);
  return ip && !ip->is_v4() && !ip->is_any() ? ip : std::nullopt;
}

constexpr std::string_view url_wanted = "a URL that starts with http:// or https://";

std::optional<std::string> parse_url(const std::string& text) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (text.starts_with(scheme) && text.size() > scheme.size() && text[scheme.size()] != '/' &&
        std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; }))
      return text;
  return std::nullopt;
}

std::optional<std::string> parse_url_or_none(const std::string& text) {
  return text.empty() ? text : parse_url(text);
}

std::optional<ip_address> parse_ip(const std::string& text) {
  return ip_address::parse(text);
}

std::optional<secret16> parse_hex16(const std::string& text) {
  const auto raw = from_hex(text);
  if (!raw || raw->size() != secret16{}.size()) return std::nullopt;
  secret16 out;
  std::ranges::copy(*raw, out.begin());
  return out;
}

/// Reads one file's settings.
class settings_reader {
 public:
  settings_reader(const toml::table& table, const std::string& name)
      : name_{name}, in_{table, name, "", problems_, out_.warnings} {}

  tl::expected<loaded_settings, std::vector<config_problem>> read();

 private:
  void read_clients();
  void read_ports();
  void read_port(toml_reader& in);
  void read_protocols();
  void read_storage();
  void read_telegram();
  void read_backpressure();
  void read_process();
  void read_console_socket();
  void read_later();
  void read_without_meaning();
  /// A path that may be relative to the file.
  [[nodiscard]] std::string beside_file(const std::string& path) const;

  std::string name_;
  loaded_settings out_;
  std::vector<config_problem> problems_;
  toml_reader in_;
  std::set<std::string> port_names_;
  std::set<endpoint> port_places_;
  ip_address default_listen_;
};

void settings_reader::read_port(toml_reader& in) {
  port_settings port;
  port.listen.ip = default_listen_;
  in.text("name", port.name);
  if (port.name.empty())
    port.name = "mtp_handler_" + std::to_string(out_.settings.ports.size() + 1);
  const auto* const named = in.find("name");
  if (!port_names_.insert(port.name).second)
    in.problem(named != nullptr ? *named : in.self(), "name",
               '"' + port.name + "\" is used by two ports; names must differ");
  in.parsed("listen_ip", port.listen.ip, "an IPv4 or IPv6 address", parse_ip);
  if (in.has("port"))
    in.number("port", port.listen.port, 1, 65535);
  else
    in.missing("port", "a port number, 1 to 65535");
  if (port.listen.port != 0 && !port_places_.insert(port.listen).second)
    in.problem(*in.find("port"), "port", to_string(port.listen) + " is there twice");
  if (in.has("secret")) {
    in.parsed("secret", port.secret,
              "32 hexadecimal digits (without dd or ee in front: links add those)", parse_hex16);
    if (to_hex(port.secret) == published_secret)
      in.warning(*in.find("secret"), "secret",
                 "is the published example: anybody can use this proxy");
  } else {
    in.missing("secret", "32 hexadecimal digits, for example from: openssl rand -hex 16");
  }
  std::string tag;
  in.text("tag", tag);
  if (!tag.empty())
    in.parsed("tag", port.tag, "32 hexadecimal digits as @MTProxybot gives them (or leave it out)",
              parse_hex16);
  out_.settings.ports.push_back(std::move(port));
}

void settings_reader::read_ports() {
  if (!out_.settings.is_front()) {
    if (const auto* const node = in_.find("ports"))
      in_.problem(*node, "ports",
                  "a back has no clients: remove it here, or set node_role = \"both\"");
    return;
  }
  in_.parsed("listen_ip", default_listen_, "an IPv4 or IPv6 address", parse_ip);
  in_.tables("ports", [this](toml_reader& in) { read_port(in); });
}

void settings_reader::read_protocols() {
  const auto* const node = in_.find("allowed_protocols");
  if (node == nullptr) return;
  auto& allowed = out_.settings.allowed_protocols;
  in_.list("allowed_protocols", allowed,
           "mtp_abridged, mtp_intermediate, mtp_secure or mtp_fake_tls",
           [](const std::string& name) -> std::optional<protocol> {
             const std::array all{protocol::mtp_abridged, protocol::mtp_intermediate,
                                  protocol::mtp_secure, protocol::mtp_fake_tls};
             const auto* const known =
                 std::ranges::find(all, name, [](protocol one) { return to_string(one); });
             return known != all.end() ? std::optional{*known} : std::nullopt;
           });
  const auto* const given = node->as_array();
  if (given != nullptr && given->empty())
    in_.problem(*node, "allowed_protocols", "expected at least one protocol");
}

void settings_reader::read_storage() {
  auto& storage = out_.settings.replay_cache;
  in_.table("replay_check_session_storage_opts", [&](toml_reader& in) {
    in.number("max_items", storage.max_items, 1);
    in.number("max_memory_mb", storage.max_memory_mb, 1, 1 << 20);
    in.duration("max_age_minutes", storage.max_age, 1, year_s / 60);
  });
}

void settings_reader::read_clients() {
  auto& out = out_.settings;
  read_ports();
  read_protocols();
  read_storage();
  in_.number("max_connections", out.max_connections, 1);
  in_.boolean("per_sni_secrets", out.per_sni_secrets);
  in_.parsed(
      "per_sni_secret_salt", out.per_sni_secret_salt, "a text that is not empty",
      [](const std::string& salt) { return salt.empty() ? std::nullopt : std::optional{salt}; });
  if (out.per_sni_secrets && out.per_sni_secret_salt == settings{}.per_sni_secret_salt)
    in_.warning(
        *in_.find("per_sni_secrets"), "per_sni_secrets",
        "the salt is the published one: set per_sni_secret_salt to a secret text of your own");
  in_.duration("init_timeout_sec", out.init_timeout, 1, year_s);
  in_.duration("hibernate_timeout_sec", out.hibernate_timeout, 1, year_s);
  in_.duration("ready_timeout_sec", out.ready_timeout, 1, year_s);
  in_.choice<reset_close>("reset_close_socket", out.reset_close_socket,
                          {{"off", reset_close::off},
                           {"handshake_error", reset_close::handshake_error},
                           {"always", reset_close::always}});
  in_.choice<error_filter>("replay_check_server_error_filter", out.server_error_filter,
                           {{"auto", error_filter::automatic},
                            {"first", error_filter::first},
                            {"on", error_filter::on},
                            {"off", error_filter::off}});
  in_.boolean("replay_check_session_storage", out.replay_check_session_storage);
  in_.number("upstream_socket_buffer_size", out.upstream_socket_buffer_size, 512, 16 << 20);
  in_.duration("upstream_send_timeout_ms", out.upstream_send_timeout, 0, year_s * 1000);
  if (in_.has("upstream_healthchecks")) out.upstream_healthchecks = {};
  in_.table("upstream_healthchecks", [&](toml_reader& in) {
    std::size_t limit = 0;
    in.number("qlen", limit, 1);
    if (limit > 0) out.upstream_healthchecks.qlen = limit;
    limit = 0;
    in.number("total_mem", limit, 1024);
    if (limit > 0) out.upstream_healthchecks.total_mem = limit;
    std::size_t ignored = 0;
    in.number("gc", ignored, 1);
    if (const auto* const gc = in.find("gc"))
      in.warning(*gc, "gc", "has no effect: there is no garbage collector here");
  });
}

void settings_reader::read_backpressure() {
  auto& out = out_.settings;
  auto& limits = out.downstream_backpressure;
  limits.bytes_total = out.clients_per_dc_connection * 30 * 1024;
  limits.packets_total = out.clients_per_dc_connection * 2;
  in_.table("downstream_backpressure", [&](toml_reader& in) {
    in.number("bytes_total", limits.bytes_total, 1025);
    in.number("packets_total", limits.packets_total, 11);
    std::size_t bytes = 0;
    in.number("bytes_per_upstream", bytes, 1024);
    if (bytes > 0) limits.bytes_per_upstream = bytes;
    if (const auto* const node = in.find("packets_per_upstream")) {
      const auto value = node->value<double>();
      if (value && *value >= 1)
        limits.packets_per_upstream = value;
      else
        in.wrong(*node, "packets_per_upstream", "a number of at least 1");
    }
  });
  // Small limits of the original's formula would pause on a single packet.
  limits.packets_total = std::max<std::size_t>(limits.packets_total, 11);
}

void settings_reader::read_telegram() {
  auto& out = out_.settings;
  in_.parsed("proxy_secret_url", out.proxy_secret_url, std::string{url_wanted}, parse_url);
  in_.parsed("proxy_config_url", out.proxy_config_url, std::string{url_wanted}, parse_url);
  // Whoever has a configuration server of their own has it for both families.
  if (in_.has("proxy_config_url")) out.proxy_config_v6_url.clear();
  in_.parsed("proxy_config_v6_url", out.proxy_config_v6_url,
             "a URL that starts with http:// or https://, or \"\" for none", parse_url_or_none);
  in_.duration("core_api_http_timeout_ms", out.core_api_http_timeout, 100, 600'000);
  in_.duration("conf_refresh_interval", out.conf_refresh_interval, 1, year_s);
  in_.parsed("external_ip", out.external_ip, "an IPv4 address", parse_v4);
  in_.parsed("external_ipv6", out.external_ipv6, "an IPv6 address", parse_v6);
  out.ip_lookup_always = in_.has("ip_lookup_services");
  in_.list("ip_lookup_services", out.ip_lookup_services, std::string{url_wanted}, parse_url);
  in_.boolean("prefer_ipv6", out.prefer_ipv6);
  in_.number("init_dc_connections", out.init_dc_connections, 0, 1000);
  in_.number("clients_per_dc_connection", out.clients_per_dc_connection, 1, 1'000'000);
  in_.number("downstream_socket_buffer_size", out.downstream_socket_buffer_size, 512, 16 << 20);
  in_.boolean("mtp_full_check_crc32", out.full_check_crc32);
  in_.duration("dc_wait_timeout_sec", out.dc_wait_timeout, 1, 3600);
  in_.duration("dc_ping_interval_sec", out.dc_ping_interval, 1, year_s);
  in_.duration("dc_stall_timeout_sec", out.dc_stall_timeout, 1, 3600);
  in_.duration("dc_idle_timeout_sec", out.dc_idle_timeout, 1, year_s);
  read_backpressure();
}

void settings_reader::read_process() {
  auto& out = out_.settings;
  in_.number("reactors", out.reactors, 0, 256);
  std::size_t memory_mb = 0;
  in_.number("memory_budget_mb", memory_mb, 64, 1 << 24);
  out.memory_budget = memory_mb << 20U;
  in_.text("state_dir", out.state_dir);
  if (!out.state_dir.empty()) out.state_dir = beside_file(out.state_dir);
  read_console_socket();
  endpoint metrics{.ip = ip_address::v4({127, 0, 0, 1}), .port = 0};
  in_.parsed("metrics_ip", metrics.ip, "an IPv4 or IPv6 address", parse_ip);
  in_.number("metrics_port", metrics.port, 1, 65535);
  if (metrics.port != 0) out.metrics_listen = metrics;
  in_.choice<std::string>("log_level", out.log_level,
                          {{"debug", "debug"},
                           {"info", "info"},
                           {"warning", "warning"},
                           {"error", "error"},
                           {"off", "off"}});
  in_.duration("stop_timeout_sec", out.stop_timeout, 1, 3600);
}

std::string settings_reader::beside_file(const std::string& path) const {
  return (std::filesystem::path{name_}.parent_path() / path).string();
}

void settings_reader::read_console_socket() {
  auto& out = out_.settings;
  // With the state, unless it is said otherwise: two proxies have different ones.
  out.console_socket = out.state_dir.empty() ? std::string{} : out.state_dir + "/console.sock";
  const auto* const node = in_.find("console_socket");
  if (node == nullptr) return;
  in_.text("console_socket", out.console_socket);
  if (out.console_socket.empty()) return;
  out.console_socket = beside_file(out.console_socket);
  if (out.console_socket.size() > max_socket_path)
    in_.problem(*node, "console_socket",
                "expected a path of at most " + std::to_string(max_socket_path) +
                    " bytes, which is what a UNIX socket can have; " + out.console_socket +
                    " has " + std::to_string(out.console_socket.size()));
}

/// Options of the original that this version does not have yet: off is fine, on must not be
/// ignored.
void settings_reader::read_later() {
  std::string fronting = "off";
  in_.text("domain_fronting", fronting);
  if (fronting != "off")
    in_.problem(*in_.find("domain_fronting"), "domain_fronting",
                "this version can't forward to other sites yet; set it to \"off\"");
  std::chrono::seconds ignored{0};
  in_.duration("domain_fronting_timeout_sec", ignored, 1, year_s);
  if (const auto* const node = in_.find("domain_fronting_timeout_sec"))
    in_.warning(*node, "domain_fronting_timeout_sec", "has no effect yet");
  if (const auto* const node = in_.find("policy")) {
    const auto* const rules = node->as_array();
    if (rules == nullptr || !rules->empty())
      in_.problem(*node, "policy",
                  "this version has no policies yet, and would let in what yours keeps out; "
                  "set it to [] or remove it");
  }
}

void settings_reader::read_without_meaning() {
  std::size_t ignored = 0;
  in_.number("num_acceptors", ignored, 1);
  if (const auto* const node = in_.find("num_acceptors"))
    in_.warning(*node, "num_acceptors", "has no effect: every reactor accepts its own clients");
  if (const auto* const node = in_.find("metric_backend"))
    in_.warning(*node, "metric_backend",
                "has no effect: set metrics_port for a Prometheus endpoint");
}

tl::expected<loaded_settings, std::vector<config_problem>> settings_reader::read() {
  // First: the others depend on the role.
  read_nodes(
      in_, [this](const std::string& path) { return beside_file(path); }, out_.settings);
  read_clients();
  read_telegram();
  read_process();
  read_later();
  read_without_meaning();
  in_.finish();
  std::ranges::stable_sort(problems_, {}, &config_problem::line);
  std::ranges::stable_sort(out_.warnings, {}, &config_problem::line);
  if (!problems_.empty()) return tl::unexpected{std::move(problems_)};
  return std::move(out_);
}

}  // namespace

std::string to_string(const config_problem& problem) {
  // Paths are quoted, too, and somebody may put a key in the place of one.
  return problem.where + ": " + without_secrets(problem.what);
}

tl::expected<loaded_settings, std::vector<config_problem>> parse_settings(std::string_view toml,
                                                                          const std::string& name) {
  const auto table = read_toml(toml, name);
  if (!table) return tl::unexpected{std::vector{table.error()}};
  return settings_reader{*table, name}.read();
}

tl::expected<loaded_settings, std::vector<config_problem>> load_settings(const std::string& path) {
  const auto table = read_toml_file(path);
  if (!table) return tl::unexpected{std::vector{table.error()}};
  return settings_reader{*table, path}.read();
}

}  // namespace mtp::config
