#include "config/difference.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "config/settings_file.hpp"
#include "tests/config/option_samples.hpp"

namespace mtp::config {
namespace {

using kind = option_change::kind;

constexpr std::string_view one_port =
    "[[ports]]\n"
    "name = \"web\"\n"
    "port = 1443\n"
    "secret = \"00112233445566778899aabbccddeeff\"\n";

settings parse(const std::string& text) {
  auto read = parse_settings(text, "dir/proxy.toml");
  REQUIRE(read);
  return std::move(read->settings);
}

/// From a port and nothing else to a port with this line before or after it.
std::vector<option_change> changes(const std::string& top, const std::string& in_port = {}) {
  return differences(parse(std::string{one_port}),
                     parse(top + '\n' + std::string{one_port} + in_port));
}

std::vector<std::string> texts(const std::vector<option_change>& all) {
  std::vector<std::string> shown;
  for (const auto& change : all)
    shown.push_back(to_string(change));
  return shown;
}

using lines = std::vector<std::string>;

TEST_CASE("difference: equal settings have none") {
  CHECK(differences({}, {}).empty());
  CHECK(changes("").empty());
  // As an operator may write the default.
  CHECK(changes("max_connections = 64000\nmetrics_ip = \"127.0.0.1\"").empty());
}

TEST_CASE("difference: each option, when changed, is told once and under its own path") {
  const auto rows = test::rows_with_values();
  REQUIRE(rows.size() > 50);
  for (const auto& row : rows) {
    settings after;
    test::change(row, after);
    CAPTURE(path_of(row));
    CHECK(after != settings{});
    const auto there = differences({}, after);
    REQUIRE(there.size() == 1);
    CHECK(there[0].path == path_of(row));
    CHECK(there[0].type == kind::changed);
    CHECK(there[0].applies == row.applies);
    const auto back = differences(after, {});
    REQUIRE(back.size() == 1);
    CHECK(back[0].before == there[0].after);
    CHECK(back[0].after == there[0].before);
    CHECK((there[0].before == secret_shown) == row.secret);
    CHECK((there[0].after == secret_shown) == row.secret);
    if (!row.secret) CHECK(there[0].before != there[0].after);
  }
}

TEST_CASE("difference: each option of a port, when changed, is told once and under its own path") {
  settings before;
  before.client.ports.resize(1);
  before.client.ports[0].name = "web";
  for (const auto& row : port_options()) {
    // Another name is another port.
    if (row.key == "name") continue;
    auto after = before;
    test::change(row, after.client.ports[0]);
    CAPTURE(row.key);
    const auto there = differences(before, after);
    REQUIRE(there.size() == 1);
    CHECK(there[0].path == "ports.web." + std::string{row.key});
    CHECK(there[0].applies == row.applies);
    CHECK((there[0].after == secret_shown) == row.secret);
  }
}

TEST_CASE("difference: of any options that change together, each is told, and nothing else") {
  const auto rows = test::rows_with_values();
  CHECK(rc::check([&] {
    settings before;
    settings after;
    lines expected;
    for (const auto& row : rows) {
      const bool in_first = *rc::gen::arbitrary<bool>();
      const bool in_second = *rc::gen::arbitrary<bool>();
      if (in_first) test::change(row, before);
      if (in_second) test::change(row, after);
      if (in_first != in_second) expected.push_back(path_of(row));
    }
    lines told;
    for (const auto& change : differences(before, after))
      told.push_back(change.path);
    RC_ASSERT(told == expected);
    RC_ASSERT((before == after) == told.empty());
  }));
}

TEST_CASE("difference: values are as an operator writes them, and it is said when they apply") {
  CHECK(texts(changes("max_connections = 5\nper_sni_secret_salt = \"hush\"\n"
                      "per_sni_secrets = true\nreset_close_socket = \"always\"\n"
                      "upstream_send_timeout_ms = 1\nmemory_budget_mb = 64\nreactors = 3")) ==
        lines{"max_connections: 64000 -> 5 (at once)",
              "per_sni_secrets: \"off\" -> \"on\" (new connections)",
              "per_sni_secret_salt: (secret) -> (secret) (new connections)",
              "reset_close_socket: \"off\" -> \"always\" (at once)",
              "upstream_send_timeout_ms: 15000 -> 1 (at once)", "reactors: 0 -> 3 (restart)",
              "memory_budget_mb: (not set) -> 64 (restart)"});
  CHECK(texts(changes("allowed_protocols = [\"mtp_secure\"]\nexternal_ip = \"192.0.2.1\"\n"
                      "downstream_backpressure = { packets_per_upstream = 1.5 }")) ==
        lines{"allowed_protocols: [\"mtp_fake_tls\", \"mtp_secure\", \"mtp_abridged\", "
              "\"mtp_intermediate\"] -> [\"mtp_secure\"] (new connections)",
              "external_ip: (not set) -> \"192.0.2.1\" (new connections)",
              "downstream_backpressure.packets_per_upstream: (not set) -> 1.5 (at once)"});
  // The same list as the built-in one is another value: it is asked always.
  CHECK(texts(changes("ip_lookup_services = []")) ==
        lines{"ip_lookup_services: (not set) -> [] (at once)"});
}

TEST_CASE("difference: passwords in URLs are not shown") {
  CHECK(texts(changes("proxy_secret_url = \"https://me:hush@192.0.2.1/secret\"")) ==
        lines{"proxy_secret_url: \"https://core.telegram.org/getProxySecret\" -> "
              "\"https://(not shown)@192.0.2.1/secret\" (at once)"});
}

TEST_CASE("difference: what follows from an option is told with it") {
  CHECK(texts(changes("clients_per_dc_connection = 100")) ==
        lines{"clients_per_dc_connection: 300 -> 100 (at once)",
              "downstream_backpressure.bytes_total: 9216000 -> 3072000 (at once)",
              "downstream_backpressure.packets_total: 600 -> 200 (at once)"});
  CHECK(texts(changes("metrics_port = 9\nmetrics_ip = \"::1\"")) ==
        lines{"metrics_port: (not set) -> 9 (at once)",
              "metrics_ip: \"127.0.0.1\" -> \"::1\" (at once)"});
}

TEST_CASE("difference: texts that look alike are told apart") {
  settings before;
  settings after;
  before.client.per_sni_secret_salt = "a\x01";
  after.client.per_sni_secret_salt = "a\x02";
  CHECK(differences(before, after).size() == 1);
  before = {};
  after = {};
  before.process.state_dir = "a\xc3\xa4\"";
  after.process.state_dir = "a\\";
  CHECK(texts(differences(before, after)) ==
        lines{R"(state_dir: "a\xc3\xa4\"" -> "a\\" (restart))"});
}

TEST_CASE("difference: ports are known by their names, in any order") {
  const auto port = [](const std::string& name, const std::string& number,
                       const std::string& secret) {
    return "[[ports]]\nname = \"" + name + "\"\nport = " + number + "\nsecret = \"" + secret +
           "\"\n";
  };
  const std::string key = "00112233445566778899aabbccddeeff";
  const std::string other = "ffeeddccbbaa99887766554433221100";
  const auto before = parse(port("a", "1", key) + port("b", "2", key) + port("c", "3", key));
  CHECK(differences(before, parse(port("c", "3", key) + port("a", "1", key) + port("b", "2", key)))
            .empty());
  const auto all =
      differences(before, parse(port("d", "4", key) + port("b", "2", other) + port("a", "5", key)));
  CHECK(texts(all) == lines{"ports.a.port: 1 -> 5 (at once)",
                            "ports.b.secret: (secret) -> (secret) (new connections)",
                            "ports.c: removed, 0.0.0.0:3 (at once)",
                            "ports.d: added, 0.0.0.0:4 (at once)"});
  CHECK(all[2].type == kind::removed_port);
  CHECK(all[3].type == kind::added_port);
  CHECK(texts(changes("listen_ip = \"::1\"")) ==
        lines{"listen_ip: \"0.0.0.0\" -> \"::1\" (at once)",
              "ports.web.listen_ip: \"0.0.0.0\" -> \"::1\" (at once)"});
  CHECK(texts(changes("", "tag = \"" + key + "\"\nallowed_protocols = [\"mtp_secure\"]")) ==
        lines{"ports.web.tag: (secret) -> (secret) (new connections)",
              "ports.web.allowed_protocols: (not set) -> [\"mtp_secure\"] (new connections)"});
}

}  // namespace
}  // namespace mtp::config
