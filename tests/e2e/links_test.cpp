// What the program prints for operators: links with addresses that clients can reach, and never a
// secret that is written wrong.
#include <fstream>

#include "tests/e2e/test_node.hpp"
#include "tests/support/broken_secrets.hpp"
#include "tests/support/skipped.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* port_of_all =
    "[[ports]]\n"
    "name = \"p\"\n"
    "listen_ip = \"::\"\n"
    "port = 1443\n"
    "secret = \"00112233445566778899aabbccddeeff\"\n";

/// What a proxy with that port prints at the start, in a network of its own.
std::string links_in(const network_namespace& host, const std::string& config = {}) {
  const temporary_directory place;
  const auto nowhere = std::string{"\"http://127.0.0.1:1/\"\n"};
  test_node node{place.path() / "node",
                 {.config = "proxy_secret_url = " + nowhere + "proxy_config_url = " + nowhere +
                            "ip_lookup_services = []\n" + config,
                  .tables = port_of_all,
                  .network = &host,
                  .when_up = "Links of p"}};
  node.start();
  REQUIRE(node.wait_for_output("https://t.me/proxy?"));
  return node.output();
}

TEST_CASE("links: a host with IPv6 only has its address in them") {
  if (const auto lack = network_namespace::missing(); !lack.empty())
    return skip("no network of our own: " + lack);
  const network_namespace host;
  SUBCASE("its own") {
    host.run({"ip", "-6", "addr", "add", "2001:db8::7/128", "dev", "lo"});
    host.run({"ip", "-6", "route", "add", "default", "dev", "lo"});
    const auto text = links_in(host);
    CHECK(text.find("tg://proxy?server=2001:db8::7&port=1443&") != std::string::npos);
    CHECK(text.find("external_ip") == std::string::npos);
  }
  SUBCASE("what the operator says") {
    const auto text = links_in(host, "external_ipv6 = \"2001:db8::9\"");
    CHECK(text.find("tg://proxy?server=2001:db8::9&port=1443&") != std::string::npos);
  }
  SUBCASE("none") {
    CHECK(links_in(host).find("in place of ::, or set external_ip or external_ipv6") !=
          std::string::npos);
  }
}

/// What the program prints until it ends, which it has to do with status 1.
std::string complaints(const std::vector<std::string>& arguments,
                       const std::vector<std::string>& environment = {}) {
  const temporary_directory place;
  process program{
      MTP_PROXY_BINARY,
      {.arguments = arguments, .environment = environment, .output = place.path() / "output"}};
  CHECK(program.wait(20s) == 1);
  return program.output();
}

TEST_CASE("links: a secret that is written wrong is in nothing that the program prints") {
  const temporary_directory place;
  const auto file = (place.path() / "proxy.toml").string();
  // All of them are tried inside a test process; here are some of each kind.
  constexpr std::size_t step = 17;
  const auto all = broken_secrets();
  for (std::size_t i = 0; i < all.size(); i += step) {
    std::ofstream{file} << all[i].config;
    for (const std::string command : {"check-config", "run"}) {
      const auto said = complaints({command, "-c", file});
      CHECK_MESSAGE(said.find("error: " + file) != std::string::npos, said);
      CHECK_MESSAGE(piece_in(all[i].value, said).empty(), all[i].config << '\n' << said);
    }
  }
  const std::string value = "d0d6e111bada5511fcce9584deadbeef00";
  for (const std::string command : {"check-config", "run"}) {
    const auto said =
        complaints({command}, {"MTP_PORT=1", "MTP_SECRET=" + value, "MTP_TAG=" + value});
    CHECK(said.find("-s or MTP_SECRET: expected 32 hexadecimal digits") != std::string::npos);
    CHECK(piece_in(value, said).empty());
  }
}

}  // namespace
}  // namespace mtp::test
