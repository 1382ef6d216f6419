#include "config/option_table.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "config/settings_file.hpp"
#include "tests/config/option_samples.hpp"

namespace mtp::config {
namespace {

constexpr std::string_view one_port =
    "[[ports]]\n"
    "port = 1443\n"
    "secret = \"00112233445566778899aabbccddeeff\"\n";

std::vector<option> all_rows() {
  std::vector<option> rows;
  for (const auto& group : option_groups())
    std::ranges::copy(group.options, std::back_inserter(rows));
  return rows;
}

std::string problem(const std::string& text) {
  const auto read = parse_settings(text, "dir/proxy.toml");
  REQUIRE_FALSE(read);
  REQUIRE(read.error().size() == 1);
  return to_string(read.error()[0]);
}

settings with(const std::string& top, const std::string& in_port = {}) {
  const auto read = parse_settings(top + '\n' + std::string{one_port} + in_port, "dir/proxy.toml");
  REQUIRE(read);
  return read->settings;
}

TEST_CASE("option table: each row is complete, and there is one for each path") {
  CHECK(all_rows().front().key == "node_role");
  std::set<std::string> paths;
  std::set<std::string_view> tables;
  for (const auto& row : all_rows())
    if (row.shape == option_shape::table) tables.insert(row.key);
  for (const auto& row : all_rows()) {
    CAPTURE(path_of(row));
    CHECK(paths.insert(path_of(row)).second);
    CHECK(row.line.ends_with('.') != row.line.ends_with(')'));
    CHECK(row.line.find_first_of("|\n") == std::string_view::npos);
    CHECK((row.table.empty() || tables.contains(row.table)));
    CHECK((row.roles.both || row.roles.front || row.roles.back));
    CHECK((row.shape == option_shape::value) == static_cast<bool>(row.value.read));
    if (row.value.show) CHECK_FALSE(test::sample_of(row).empty());
  }
  for (const auto& row : port_options()) {
    CAPTURE(row.key);
    CHECK(row.line.ends_with('.'));
    CHECK_FALSE(test::sample_of(row).empty());
  }
}

TEST_CASE("option table: examples are valid, and are not the default") {
  const auto check = [](const auto& row, auto target) {
    CAPTURE(path_of(row));
    if (row.example.empty()) return;
    const auto before = row.value.show ? row.value.show(target) : std::string{};
    auto with_example = row;
    with_example.value.sample = row.example;
    test::change(with_example, target);
    if (row.value.show) CHECK(row.value.show(target) != before);
  };
  for (const auto& row : all_rows())
    check(row, settings{});
  for (const auto& row : port_options())
    check(row, port_settings{});
}

TEST_CASE("option table: what waits for a restart") {
  std::set<std::string> paths;
  for (const auto& row : all_rows())
    if (row.applies == change_time::restart) paths.insert(path_of(row));
  const std::set<std::string> settled{"console_socket", "memory_budget_mb", "node_link.transport",
                                      "node_role",      "reactors",         "state_dir"};
  CHECK(paths == settled);
}

TEST_CASE("option table: secrets") {
  for (const auto* const key : {"secret", "tag", "per_sni_secret_salt", "cluster_cookie", "key"})
    CHECK(is_secret_key(key));
  CHECK_FALSE(is_secret_key("ca"));
  CHECK_FALSE(is_secret_key(""));
}

TEST_CASE("option table: a node that has no use for an option says so, and does not take it") {
  const std::string link =
      "[node_link]\ntransport = \"plain\"\ncluster_cookie = \"0123456789abcdef\"\n";
  const auto on_front = [&](const std::string& top) {
    return parse_settings(
        "node_role = \"front\"\nback_node = \"b@h\"\n" + top + '\n' + link + std::string{one_port},
        "dir/proxy.toml");
  };
  const auto on_back = [&](const std::string& top) {
    return parse_settings(
        "node_role = \"back\"\n" + top + '\n' + link + "listen = \"10.0.0.1:1\"\n",
        "dir/proxy.toml");
  };
  const auto misplaced_in = [](const loaded_settings& read) {
    return std::ranges::count_if(read.warnings, [](const config_problem& warning) {
      return warning.text.starts_with("has no effect on a ");
    });
  };
  for (const auto& row : test::rows_with_values()) {
    // Without metrics_port there is no endpoint that would have an address.
    if (!row.table.empty() || row.elsewhere.refused || row.key == "metrics_ip") continue;
    if (row.key == "node_role") continue;
    CAPTURE(row.key);
    const auto line = std::string{row.key} + " = " + test::sample_of(row);
    const auto front = on_front(line);
    const auto back = on_back(line);
    REQUIRE(front);
    REQUIRE(back);
    CHECK(misplaced_in(*front) == (row.roles.front ? 0 : 1));
    CHECK(misplaced_in(*back) == (row.roles.back ? 0 : 1));
    const auto show = row.value.show;
    CHECK((show(front->settings) != show(on_front("")->settings)) == row.roles.front);
    CHECK((show(back->settings) != show(on_back("")->settings)) == row.roles.back);
  }
  // One for the table, none for what is in it.
  CHECK(on_front("downstream_backpressure = { bytes_total = 5000 }")->warnings.size() == 1);
  // What is wrong is wrong in every role.
  CHECK_FALSE(on_front("downstream_backpressure = { bytes_total = 5 }"));
}

TEST_CASE("option table: options that the original does not have") {
  using namespace std::chrono_literals;
  CHECK(with("").client.drain_timeout == 300s);
  CHECK(with("drain_timeout_sec = 0").client.drain_timeout == 0s);
  CHECK(problem("drain_timeout_sec = -1\n" + std::string{one_port})
            .starts_with("dir/proxy.toml:1: drain_timeout_sec: expected a whole number of at least "
                         "0 and at most 31622400, found -1"));
  CHECK_FALSE(with("").uplink.bind_address);
  CHECK(with("bind_address = \"192.0.2.1\"").uplink.bind_address == ip_address::v4({192, 0, 2, 1}));
  CHECK(with("bind_address_v6 = \"2001:db8::1\"").uplink.bind_address_v6 ==
        ip_address::parse("2001:db8::1"));
  CHECK(problem("bind_address = \"2001:db8::1\"\n" + std::string{one_port}) ==
        "dir/proxy.toml:1: bind_address: expected an IPv4 address, found \"2001:db8::1\"");
  CHECK(problem("bind_address_v6 = \"::\"\n" + std::string{one_port}) ==
        "dir/proxy.toml:1: bind_address_v6: expected an IPv6 address, found \"::\"");
}

TEST_CASE("option table: a port may have protocols of its own") {
  CHECK_FALSE(with("allowed_protocols = [\"mtp_secure\"]").client.ports[0].allowed_protocols);
  CHECK(with("", "allowed_protocols = [\"mtp_fake_tls\"]").client.ports[0].allowed_protocols ==
        std::vector{protocol::mtp_fake_tls});
  CHECK(problem(std::string{one_port} + "allowed_protocols = []\n") ==
        "dir/proxy.toml:4: ports[0].allowed_protocols: expected at least one protocol");
  CHECK(problem(std::string{one_port} + "allowed_protocols = [\"tls\"]\n") ==
        "dir/proxy.toml:4: ports[0].allowed_protocols: expected mtp_abridged, mtp_intermediate, "
        "mtp_secure or mtp_fake_tls, found \"tls\"");
}

}  // namespace
}  // namespace mtp::config
