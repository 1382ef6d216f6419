// Ports at UNIX sockets, and the site for strangers at a back's port, in the file.
#include <doctest/doctest.h>

#include "config/settings_file.hpp"

namespace mtp::config {
namespace {

constexpr std::string_view secret = "secret = \"00112233445566778899aabbccddeeff\"\n";

/// A port with these lines.
std::string port(const std::string& lines) {
  return "[[ports]]\nport = 443\n" + std::string{secret} + lines;
}

loaded_settings good(const std::string& text) {
  auto loaded = parse_settings(text, "f");
  INFO((loaded ? std::string{} : to_string(loaded.error().front())));
  REQUIRE(loaded);
  return std::move(*loaded);
}

/// What is told of it first.
std::string problem(const std::string& text) {
  const auto loaded = parse_settings(text, "f");
  REQUIRE_FALSE(loaded);
  return to_string(loaded.error().front());
}

bool has(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("socket port: a path, a mode and a group") {
  const auto plain = good(port("listen = \"unix:/run/a\"\n")).settings.client.ports.front();
  REQUIRE(plain.socket);
  CHECK(*plain.socket == client_socket{.path = "/run/a", .mode = 0660, .group = {}});
  CHECK(plain.listen.port == 443);
  CHECK(listen_text(plain) == "unix:/run/a");
  const auto all =
      good(port("listen = \"unix:/run/a\"\nlisten_mode = \"666\"\n"
                "listen_group = \"www-data\"\n"));
  CHECK(all.warnings.empty());
  CHECK(*all.settings.client.ports.front().socket ==
        client_socket{.path = "/run/a", .mode = 0666, .group = "www-data"});
  CHECK_FALSE(good(port("")).settings.client.ports.front().socket);
}

TEST_CASE("socket port: what is no path or no mode is told") {
  for (const auto* const wrong :
       {"0.0.0.0:443", "unix:run/a", "unix:", "unix:/", "/run/a", "unix:/run/\\u0000a"})
    CHECK(has(problem(port("listen = \"" + std::string{wrong} + "\"\n")),
              R"(expected "unix:" and the absolute path of a UNIX socket)"));
  CHECK(has(problem(port("listen = \"unix:/" + std::string(107, 'a') + "\"\n")), "107 bytes"));
  for (const auto* const wrong : {"", "66", "06660", "0888", "1777", "rw"})
    CHECK(has(
        problem(port("listen = \"unix:/run/a\"\nlisten_mode = \"" + std::string{wrong} + "\"\n")),
        "expected permission bits"));
  for (const auto* const line : {"listen_mode = \"0600\"\n", "listen_group = \"a\"\n"})
    CHECK(has(problem(port(line)), "is for a UNIX socket: set listen = \"unix:/path\""));
}

TEST_CASE("socket port: places that are taken") {
  const auto at_a = port("listen = \"unix:/run/a\"\n");
  CHECK(has(problem(at_a + port("listen = \"unix:/run/a\"\n")),
            "is the socket of \"mtp_handler_1\" already"));
  CHECK(has(problem("console_socket = \"/run/a\"\n" + at_a),
            "is the socket of \"mtp_handler_1\", too"));
  CHECK(has(problem("domain_fronting = \"unix:/run/a\"\n" + at_a),
            "leads back to this proxy: \"mtp_handler_1\" listens there"));
  // The port that links show may be another one's, and that of metrics.
  CHECK(good("metrics_port = 443\n" + at_a + port("listen = \"unix:/run/b\"\n")).warnings.empty());
  CHECK(good(at_a + port("")).warnings.empty());
}

TEST_CASE("socket port: what has no effect there is told") {
  const auto read = good(port("listen = \"unix:/run/a\"\nproxy_protocol_from = [\"127.0.0.1\"]\n"));
  REQUIRE(read.warnings.size() == 1);
  CHECK(has(read.warnings.front().text, "has no effect at a UNIX socket"));
}

std::string back(const std::string& lines) {
  return "node_role = \"back\"\n[node_link]\nlisten = \"0.0.0.0:9199\"\nallowed_nodes = [\"f\"]\n"
         "certificate = \"c\"\nkey = \"k\"\nca = \"ca\"\n" +
         lines;
}

TEST_CASE("node_link.fronting: a site, with the name of fronts") {
  const auto read = good(back("fronting = \"127.0.0.1:443\"\nsni = \"www.example.com\"\n"));
  CHECK(read.warnings.empty());
  CHECK(read.settings.link.node_link.fronting == parse_fronting_target("127.0.0.1:443"));
  CHECK(read.settings.link.node_link.sni == "www.example.com");
  const auto told =
      good(back("sni = \"a.example\"\n"
                "fronting = { to = \"unix:/run/a\", proxy_protocol = \"v2\" }\n"));
  CHECK(told.settings.link.node_link.fronting->proxy_protocol == proxy_version::v2);
  REQUIRE(good(back("fronting = \"127.0.0.1:443\"\n")).warnings.size() == 1);
  CHECK(has(good(back("sni = \"www.example.com\"\n")).warnings.front().text,
            "has no effect on a back without fronting"));
  CHECK(has(problem(back("sni = \"a.example\"\nfronting = \"127.0.0.1:9199\"\n")),
            "127.0.0.1:9199 leads back to this node"));
  CHECK(has(problem(back("sni = \"a.example\"\nfronting = \"localhost:443\"\n")), "expected"));
  auto front = good("node_role = \"front\"\nback_node = \"b@192.0.2.1\"\n" + port("") +
                    "[node_link]\ncertificate = \"c\"\nkey = \"k\"\nca = \"ca\"\n"
                    "fronting = \"127.0.0.1:443\"\n");
  REQUIRE(front.warnings.size() == 1);
  CHECK_FALSE(front.settings.link.node_link.fronting);
}

}  // namespace
}  // namespace mtp::config
