#include "app/links.hpp"

#include <doctest/doctest.h>

#include <sstream>

#include "codecs/base/text.hpp"

namespace mtp::app {
namespace {

using config::protocol;

config::settings one_port() {
  config::settings settings;
  settings.client.ports.push_back({.name = "p",
                                   .listen = *parse_endpoint("192.0.2.7:443"),
                                   .secret = {0xaa, 0xbb},
                                   .tag = std::nullopt});
  return settings;
}

TEST_CASE("links: one a kind of secret, the best disguised first") {
  const auto all = one_port();
  const auto links = make_links(all.client, all.client.ports[0], "example.org");
  REQUIRE(links.size() == 3);
  CHECK(links[0].secret.kind == secret_kind::fake_tls);
  CHECK(links[0].secret.domain == config::default_link_domain);
  CHECK(links[0].secret.key == all.client.ports[0].secret);
  CHECK(links[1].secret.kind == secret_kind::padded);
  CHECK(links[2].secret.kind == secret_kind::classic);
  for (const auto& link : links) {
    CHECK(link.server == "example.org");
    CHECK(link.port == 443);
  }
}

TEST_CASE("links: only of what is let in") {
  auto all = one_port();
  const auto kinds = [&](std::vector<protocol> allowed) {
    all.client.allowed_protocols = std::move(allowed);
    std::vector<secret_kind> listed;
    for (const auto& link : make_links(all.client, all.client.ports[0], "x"))
      listed.push_back(link.secret.kind);
    return listed;
  };
  using list = std::vector<secret_kind>;
  CHECK(kinds({protocol::mtp_fake_tls}) == list{secret_kind::fake_tls});
  CHECK(kinds({protocol::mtp_secure}) == list{secret_kind::padded});
  CHECK(kinds({protocol::mtp_abridged}) == list{secret_kind::classic});
  CHECK(kinds({protocol::mtp_intermediate}) == list{secret_kind::classic});
}

TEST_CASE("links: with per_sni_secrets the base secret is in no fake-TLS link") {
  auto all = one_port();
  all.client.per_sni_secrets = true;
  all.client.per_sni_secret_salt = "salt";
  const auto link = make_links(all.client, all.client.ports[0], "x")[0];
  CHECK(link.secret.kind == secret_kind::fake_tls);
  CHECK(link.secret.key != all.client.ports[0].secret);
  CHECK(link.secret.key ==
        derive_sni_secret(all.client.ports[0].secret, config::default_link_domain, "salt"));
}

TEST_CASE("links: the domain is the first of tls_domains, of the port if it has its own") {
  auto all = one_port();
  auto& port = all.client.ports[0];
  all.client.tls_domains = {"example.com", "example.org"};
  const auto domain = [&] { return make_links(all.client, port, "x")[0].secret.domain; };
  CHECK(domain() == "example.com");
  port.tls_domains = {{"example.net"}};
  CHECK(domain() == "example.net");
  port.tls_domains = std::vector<std::string>{};
  CHECK(domain() == config::default_link_domain);
}

/// The servers of a port's links, with blanks between them.
std::string servers(const std::string& listen_ip, const std::string& external_ip,
                    const std::string& external_ipv6, const source_addresses& ours) {
  auto all = one_port();
  all.client.ports[0].listen.ip = *ip_address::parse(listen_ip);
  all.uplink.external_ip = ip_address::parse(external_ip);
  all.uplink.external_ipv6 = ip_address::parse(external_ipv6);
  std::string text;
  for (const auto& ip : link_addresses(all.uplink, all.client.ports[0], ours))
    text += (text.empty() ? "" : " ") + to_string(ip);
  return text;
}

const source_addresses nowhere;
const source_addresses only_v4{.v4 = ip_address::parse("192.0.2.1"), .v6 = std::nullopt};
const source_addresses only_v6{.v4 = std::nullopt, .v6 = ip_address::parse("2001:db8::1")};
const source_addresses both{.v4 = only_v4.v4, .v6 = only_v6.v6};

TEST_CASE("links: the port's family decides which addresses they have") {
  // Every address: where we come from.
  CHECK(servers("0.0.0.0", "", "", both) == "192.0.2.1");
  CHECK(servers("::", "", "", both) == "192.0.2.1 2001:db8::1");
  CHECK(servers("::", "", "", only_v6) == "2001:db8::1");
  CHECK(servers("::", "", "", only_v4) == "192.0.2.1");
  CHECK(servers("::", "", "", nowhere) == "::");
  CHECK(servers("0.0.0.0", "", "", only_v6) == "0.0.0.0");
  CHECK(servers("0.0.0.0", "", "", nowhere) == "0.0.0.0");
  // One address: that one.
  CHECK(servers("192.0.2.7", "", "", both) == "192.0.2.7");
  CHECK(servers("2001:db8::7", "", "", both) == "2001:db8::7");
  // What the operator says, where it can be true.
  CHECK(servers("0.0.0.0", "198.51.100.1", "2001:db8::9", both) == "198.51.100.1");
  CHECK(servers("0.0.0.0", "", "2001:db8::9", only_v4) == "192.0.2.1");
  CHECK(servers("192.0.2.7", "198.51.100.1", "2001:db8::9", both) == "198.51.100.1");
  CHECK(servers("::", "198.51.100.1", "2001:db8::9", both) == "198.51.100.1 2001:db8::9");
  CHECK(servers("::", "", "2001:db8::9", nowhere) == "2001:db8::9");
  CHECK(servers("::", "", "2001:db8::9", both) == "192.0.2.1 2001:db8::9");
  CHECK(servers("::", "198.51.100.1", "", only_v6) == "198.51.100.1 2001:db8::1");
  CHECK(servers("2001:db8::7", "198.51.100.1", "", both) == "2001:db8::7");
  CHECK(servers("2001:db8::7", "198.51.100.1", "2001:db8::9", both) == "2001:db8::9");
}

TEST_CASE("links: what is in front of loopback may change the family") {
  CHECK(servers("::1", "198.51.100.1", "", both) == "198.51.100.1");
  CHECK(servers("127.0.0.1", "", "2001:db8::9", both) == "2001:db8::9");
  CHECK(servers("127.0.0.1", "198.51.100.1", "2001:db8::9", both) == "198.51.100.1 2001:db8::9");
  CHECK(servers("::1", "", "", both) == "::1");
  CHECK(servers("127.0.0.1", "", "", both) == "127.0.0.1");
}

/// What the text says behind the links of a port on `listen_ip`.
std::string advice(const std::string& listen_ip, const source_addresses& ours) {
  auto all = one_port();
  all.client.ports[0].listen.ip = *ip_address::parse(listen_ip);
  std::istringstream text{describe_links(all, ours)};
  std::string advised;
  for (std::string line; std::getline(text, line);)
    if (!line.empty() && !line.starts_with("Links of ") && !line.starts_with("  tg:") &&
        !line.starts_with("  https:"))
      advised += line + '\n';
  return advised;
}

TEST_CASE("links: addresses that will not do come with what to set") {
  CHECK(advice("::", both).empty());
  CHECK(advice("0.0.0.0", nowhere) ==
        "  Put this machine's address in place of 0.0.0.0, or set external_ip.\n");
  CHECK(advice("::", nowhere) ==
        "  Put this machine's address in place of ::, or set external_ip or external_ipv6.\n");
  CHECK(advice("0.0.0.0", only_v6) ==
        "  This machine has no IPv4 address, and the port takes nothing else: set listen_ip = "
        "\"::\".\n");
  for (const std::string ip : {"10.1.2.3", "169.254.1.1", "127.0.0.1", "100.64.0.1"})
    CHECK(advice("0.0.0.0", {.v4 = ip_address::parse(ip), .v6 = std::nullopt}) ==
          "  The Internet does not know " + ip + ": for clients from there, set external_ip.\n");
  for (const std::string ip : {"fd00::1", "fe80::1", "::1"})
    CHECK(advice("::", {.v4 = std::nullopt, .v6 = ip_address::parse(ip)}) ==
          "  The Internet does not know " + ip + ": for clients from there, set external_ipv6.\n");
  // Each family has its own.
  CHECK(advice("::", {.v4 = ip_address::parse("10.1.2.3"), .v6 = only_v6.v6}) ==
        "  The Internet does not know 10.1.2.3: for clients from there, set external_ip.\n");
}

TEST_CASE("links: an address that was looked up is of the ports that take its family") {
  auto all = one_port();
  all.client.ports[0].listen.ip = ip_address{};
  all.client.ports.push_back(all.client.ports[0]);
  all.client.ports[1].listen = *parse_endpoint("[2001:db8::7]:443");
  const auto text = describe_links(all, std::string{"198.51.100.1"});
  CHECK(text.find("server=198.51.100.1&port=443") != std::string::npos);
  CHECK(text.find("server=2001:db8::7&port=443") != std::string::npos);
  CHECK(text.find("198.51.100.1", text.find("Links of p ([2001:db8::7]:443)")) ==
        std::string::npos);
}

TEST_CASE("links: the text has both forms of each, and tells whether there is a tag") {
  auto all = one_port();
  all.client.allowed_protocols = {protocol::mtp_secure};
  const auto text = describe_links(all, nowhere);
  CHECK(
      text ==
      "\nLinks of p (192.0.2.7:443), tag none: set \"tag\" for a promoted channel:\n"
      "  tg://proxy?server=192.0.2.7&port=443&secret=ddaabb0000000000000000000000000000\n"
      "  https://t.me/proxy?server=192.0.2.7&port=443&secret=ddaabb0000000000000000000000000000\n");
  all.client.ports[0].tag.emplace();
  CHECK(describe_links(all, nowhere).starts_with("\nLinks of p (192.0.2.7:443), tag active:\n"));
}

}  // namespace
}  // namespace mtp::app
