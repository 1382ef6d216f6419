// Each option that applies without a restart has a test that shows what a reload of it does, or a
// reason for having none.
#include <fstream>
#include <iterator>
#include <map>

#include "tests/config/option_samples.hpp"

namespace mtp::test {
namespace {

/// Options, and the file that shows the effect of each.
const std::map<std::string, std::string> shown_in{
    {"max_connections", "tests/e2e/reload_test.cpp"},
    {"allowed_protocols", "tests/e2e/reload_test.cpp"},
    {"hibernate_timeout_sec", "tests/e2e/reload_test.cpp"},
    {"ready_timeout_sec", "tests/e2e/reload_test.cpp"},
    {"drain_timeout_sec", "tests/e2e/reload_test.cpp"},
    {"domain_fronting", "tests/e2e/fronting_reload_test.cpp"},
    {"fronting_default", "tests/e2e/fronting_reload_test.cpp"},
    {"fronting_sites", "tests/e2e/fronting_reload_test.cpp"},
    {"fronting_names", "tests/e2e/fronting_reload_test.cpp"},
    {"fronting_open", "tests/e2e/fronting_reload_test.cpp"},
    {"tls_domains", "tests/e2e/fronting_reload_test.cpp"},
    {"domain_fronting_timeout_sec", "tests/e2e/fronting_reload_test.cpp"},
    {"fronting_silence_ms", "tests/e2e/fronting_reload_test.cpp"},
    {"fronting_idle_sec", "tests/e2e/fronting_reload_test.cpp"},
    {"max_fronted", "tests/e2e/fronting_reload_test.cpp"},
    {"fronting_down", "tests/e2e/fronting_reload_test.cpp"},
    {"tls_clock_window_sec", "tests/e2e/client_clock_test.cpp"},
    {"ignore_time_skew", "tests/e2e/client_clock_test.cpp"},
    {"tls_boot_clock", "tests/e2e/client_clock_test.cpp"},
    {"listen_plain", "tests/e2e/fronting_reload_test.cpp"},
    {"record_sizing", "tests/e2e/fronting_reload_test.cpp"},
    {"measure_sites", "tests/e2e/fronting_reload_test.cpp"},
    {"ports.tls_domains", "tests/e2e/fronting_reload_test.cpp"},
    {"ports.proxy_protocol_from", "tests/e2e/fronting_reload_test.cpp"},
    {"proxy_secret_url", "tests/e2e/reload_test.cpp"},
    {"proxy_config_url", "tests/e2e/reload_test.cpp"},
    {"metrics_port", "tests/e2e/reload_ports_test.cpp"},
    {"metrics_ip", "tests/e2e/reload_ports_test.cpp"},
    {"ports.name", "tests/e2e/reload_ports_test.cpp"},
    {"ports.listen", "tests/e2e/socket_port_test.cpp"},
    {"ports.listen_mode", "tests/e2e/socket_port_test.cpp"},
    {"ports.listen_group", "tests/e2e/socket_port_test.cpp"},
    {"ports.listen_ip", "tests/e2e/reload_ports_test.cpp"},
    {"ports.port", "tests/e2e/reload_ports_test.cpp"},
    {"ports.secret", "tests/e2e/reload_test.cpp"},
    {"ports.tag", "tests/e2e/reload_effects_test.cpp"},
    {"ports.allowed_protocols", "tests/e2e/reload_effects_test.cpp"},
    {"listen_ip", "tests/e2e/reload_effects_test.cpp"},
    {"per_sni_secrets", "tests/e2e/reload_effects_test.cpp"},
    {"per_sni_secret_salt", "tests/e2e/reload_effects_test.cpp"},
    {"init_timeout_sec", "tests/e2e/reload_effects_test.cpp"},
    {"reset_close_socket", "tests/e2e/reload_effects_test.cpp"},
    {"replay_check_server_error_filter", "tests/e2e/reload_effects_test.cpp"},
    {"replay_check_persist", "tests/e2e/reload_effects_test.cpp"},
    {"replay_check_session_storage", "tests/e2e/reload_effects_test.cpp"},
    {"replay_check_session_storage_opts.max_items", "tests/e2e/reload_effects_test.cpp"},
    {"replay_share", "tests/e2e/split_replays_test.cpp"},
    {"upstream_socket_buffer_size", "tests/e2e/reload_effects_test.cpp"},
    {"upstream_send_timeout_ms", "tests/e2e/reload_effects_test.cpp"},
    {"upstream_healthchecks.qlen", "tests/e2e/reload_effects_test.cpp"},
    {"upstream_healthchecks.total_mem", "tests/e2e/reload_effects_test.cpp"},
    {"downstream_socket_buffer_size", "tests/e2e/reload_effects_test.cpp"},
    {"downstream_backpressure.bytes_total", "tests/e2e/reload_effects_test.cpp"},
    {"downstream_backpressure.packets_total", "tests/e2e/reload_effects_test.cpp"},
    {"downstream_backpressure.bytes_per_upstream", "tests/e2e/reload_effects_test.cpp"},
    {"downstream_backpressure.packets_per_upstream", "tests/e2e/reload_effects_test.cpp"},
    {"external_ip", "tests/e2e/reload_effects_test.cpp"},
    {"external_ipv6", "tests/e2e/reload_effects_test.cpp"},
    {"log_level", "tests/e2e/reload_effects_test.cpp"},
    {"stop_timeout_sec", "tests/e2e/reload_effects_test.cpp"},
    {"proxy_config_v6_url", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"core_api_http_timeout_ms", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"conf_refresh_interval", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"ip_lookup_services", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"prefer_ipv6", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"bind_address", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"bind_address_v6", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"init_dc_connections", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"clients_per_dc_connection", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"dc_idle_timeout_sec", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"mtp_full_check_crc32", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"dc_wait_timeout_sec", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"dc_ping_interval_sec", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"dc_stall_timeout_sec", "tests/e2e/reload_effects_telegram_test.cpp"},
    {"node_name", "tests/e2e/split_effects_test.cpp"},
    {"back_nodes_policy", "tests/e2e/split_effects_test.cpp"},
    {"node_link.ca", "tests/e2e/split_effects_test.cpp"},
    {"node_link.cluster_cookie", "tests/e2e/split_effects_test.cpp"},
    {"back_nodes", "tests/e2e/split_reload_test.cpp"},
    {"node_link.listen", "tests/e2e/split_reload_test.cpp"},
    {"node_link.certificate", "tests/e2e/split_reload_test.cpp"},
    {"node_link.key", "tests/e2e/split_reload_test.cpp"},
    {"node_link.allowed_nodes", "tests/e2e/split_reload_test.cpp"},
    {"node_link.sni", "tests/e2e/split_effects_test.cpp"},
    {"node_link.fronting", "tests/e2e/split_fronting_test.cpp"},
    {"node_link.timeout_sec", "tests/e2e/split_stopped_test.cpp"},
};

/// Options without such a test, and why.
const std::map<std::string, std::string> not_shown{
    {"replay_check_session_storage_opts.max_memory_mb",
     "1 MiB holds more handshakes than a test can make; read with max_items each time "
     "(tests/actors/client/replay_cache_test.cpp)"},
    {"replay_check_session_storage_opts.max_age_minutes",
     "takes minutes; read with max_items each time (tests/actors/client/replay_cache_test.cpp)"},
};

struct reloaded_option {
  std::string path;
  std::string key;
};

std::vector<reloaded_option> reloaded_options() {
  std::vector<reloaded_option> found;
  for (const auto& row : rows_with_values())
    if (row.applies != config::change_time::restart)
      found.push_back({config::path_of(row), std::string{row.key}});
  for (const auto& row : config::port_options())
    if (row.applies != config::change_time::restart)
      found.push_back({"ports." + std::string{row.key}, std::string{row.key}});
  return found;
}

bool is_in(const std::string& file, const std::string& key) {
  std::ifstream in{MTP_SOURCE_DIR "/" + file};
  REQUIRE_MESSAGE(in.good(), file);
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  return text.find(key) != std::string::npos;
}

TEST_CASE("reload effects: each option that applies without a restart has a test") {
  const auto options = reloaded_options();
  CHECK(options.size() > 50);
  for (const auto& option : options) {
    CAPTURE(option.path);
    const auto shown = shown_in.find(option.path);
    CHECK((shown != shown_in.end()) != not_shown.contains(option.path));
    if (shown != shown_in.end()) CHECK(is_in(shown->second, option.key));
  }
  // Nothing is listed that is not an option, or not any more.
  CHECK(shown_in.size() + not_shown.size() == options.size());
}

}  // namespace
}  // namespace mtp::test
