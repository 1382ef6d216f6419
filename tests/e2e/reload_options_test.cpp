// Each option that a reload applies is changed while clients are connected.
#include <fstream>
#include <set>

#include "tests/config/option_samples.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

/// Options whose samples would end the link, send packets to the world or name files that are not
/// there. Ports, backs, the link's address, files and names have cases of their own: reload_test,
/// split_reload_test. This case shows that clients stay, not what each option does.
const std::set<std::string> changed_elsewhere{"ports",
                                              "back_node",
                                              "back_nodes",
                                              "node_link.listen",
                                              "node_link.ca",
                                              "node_link.key",
                                              "node_link.certificate",
                                              "node_link.allowed_nodes",
                                              "listen_ip"};

std::string quoted_list(const std::string& url) {
  return "[\"" + url + "\"]";
}

/// A value that is not in use, and stays on this machine.
std::string harmless_sample(const config::option& row, const fake_telegram& telegram) {
  if (row.key == "proxy_secret_url") return '"' + telegram.url("/getProxySecret?again") + '"';
  if (row.key == "proxy_config_url") return '"' + telegram.url("/getProxyConfig?again") + '"';
  if (row.key == "proxy_config_v6_url") return '"' + telegram.url("/getProxyConfigV6?again") + '"';
  if (row.key == "ip_lookup_services") return quoted_list(telegram.url("/nothing"));
  if (row.key == "log_level") return "\"info\"";
  if (row.key == "metrics_port") return std::to_string(free_port());
  return sample_of(row);
}

/// `text` with that value, in place of the line that the option has, or as a new one.
std::string with_value(const std::string& text, const config::option& row,
                       const std::string& value) {
  const auto key = std::string{row.key};
  auto changed = '\n' + text;
  if (const auto at = changed.find('\n' + key + " = "); at != std::string::npos) {
    changed.replace(at + 1, changed.find('\n', at + 1) - at - 1, key + " = " + value);
    return changed.substr(1);
  }
  if (row.table.empty()) return key + " = " + value + '\n' + text;
  const auto header = "\n[" + std::string{row.table} + "]\n";
  if (const auto at = changed.find(header); at != std::string::npos)
    return changed.insert(at + header.size(), key + " = " + value + '\n').substr(1);
  return std::string{row.table} + " = { " + key + " = " + value + " }\n" + text;
}

TEST_CASE("reload: each option that applies without a restart changes, and clients stay") {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  std::vector<net::proxy_client> clients;
  for (const auto& protocol : all_protocols())
    clients.push_back(proxy.client(protocol));
  for (auto* const node : proxy.nodes()) {
    const auto first = node->file();
    auto role = config::node_role::both;
    if (is_split())
      role = node == &proxy.client_side() ? config::node_role::front : config::node_role::back;
    std::size_t changed = 0;
    for (const auto& row : rows_with_values()) {
      const auto path = config::path_of(row);
      if (row.applies == config::change_time::restart || !row.roles.contains(role) ||
          changed_elsewhere.contains(path))
        continue;
      CAPTURE(path);
      std::ofstream{node->config_file()} << with_value(first, row, harmless_sample(row, telegram));
      const auto result = node->reload();
      INFO(result.output);
      REQUIRE(result.status == 0);
      CHECK(result.output.find(path + ": ") != std::string::npos);
      for (auto& client : clients)
        check_echo(client);
      ++changed;
    }
    CHECK(changed >= 15);
    std::ofstream{node->config_file()} << first;
    REQUIRE(node->reload().status == 0);
    CHECK(node->reload().output == "nothing has changed\n");
  }
  for (auto& client : clients)
    check_echo(client);
  auto later = proxy.client(tls_protocol());
  check_echo(later);
  CHECK(telegram.complaints().empty());
}

}  // namespace
}  // namespace mtp::test
