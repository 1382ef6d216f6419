#include "app/links.hpp"

#include <doctest/doctest.h>

#include "codecs/text.hpp"

namespace mtp::app {
namespace {

using actors::protocol;

actors::settings one_port() {
  actors::settings out;
  out.ports.push_back({.name = "p",
                       .listen = *parse_endpoint("192.0.2.7:443"),
                       .secret = {0xaa, 0xbb},
                       .tag = std::nullopt});
  return out;
}

TEST_CASE("links: one a kind of secret, the best disguised first") {
  const auto all = one_port();
  const auto links = make_links(all, all.ports[0], "example.org");
  REQUIRE(links.size() == 3);
  CHECK(links[0].secret.kind == secret_kind::fake_tls);
  CHECK(links[0].secret.domain == default_link_domain);
  CHECK(links[0].secret.key == all.ports[0].secret);
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
    all.allowed_protocols = std::move(allowed);
    std::vector<secret_kind> out;
    for (const auto& link : make_links(all, all.ports[0], "x"))
      out.push_back(link.secret.kind);
    return out;
  };
  using list = std::vector<secret_kind>;
  CHECK(kinds({protocol::mtp_fake_tls}) == list{secret_kind::fake_tls});
  CHECK(kinds({protocol::mtp_secure}) == list{secret_kind::padded});
  CHECK(kinds({protocol::mtp_abridged}) == list{secret_kind::classic});
  CHECK(kinds({protocol::mtp_intermediate}) == list{secret_kind::classic});
}

TEST_CASE("links: with per_sni_secrets the base secret is in no fake-TLS link") {
  auto all = one_port();
  all.per_sni_secrets = true;
  all.per_sni_secret_salt = "salt";
  const auto link = make_links(all, all.ports[0], "x")[0];
  CHECK(link.secret.kind == secret_kind::fake_tls);
  CHECK(link.secret.key != all.ports[0].secret);
  CHECK(link.secret.key == derive_sni_secret(all.ports[0].secret, default_link_domain, "salt"));
}

TEST_CASE("links: the server is external_ip, else the port's own address") {
  auto all = one_port();
  CHECK(guess_server(all, all.ports[0]) == "192.0.2.7");
  all.external_ip = ip_address::v4({198, 51, 100, 1});
  CHECK(guess_server(all, all.ports[0]) == "198.51.100.1");
}

TEST_CASE("links: without an address of one's own the text says what to do") {
  const auto all = one_port();
  CHECK(describe_links(all, "192.0.2.7").find("set external_ip") == std::string::npos);
  for (const std::string any : {"0.0.0.0", "::"})
    CHECK(describe_links(all, any).find("  Put this machine's address in place of " + any +
                                        ", or set external_ip.\n") != std::string::npos);
}

TEST_CASE("links: the text has both forms of each, and tells whether there is a tag") {
  auto all = one_port();
  all.allowed_protocols = {protocol::mtp_secure};
  const auto text = describe_links(all, "h");
  CHECK(text ==
        "\nLinks of p (192.0.2.7:443), tag none: set \"tag\" for a promoted channel:\n"
        "  tg://proxy?server=h&port=443&secret=ddaabb0000000000000000000000000000\n"
        "  https://t.me/proxy?server=h&port=443&secret=ddaabb0000000000000000000000000000\n");
  all.ports[0].tag.emplace();
  CHECK(describe_links(all, "h").starts_with("\nLinks of p (192.0.2.7:443), tag active:\n"));
}

}  // namespace
}  // namespace mtp::app
