// Which sites are measured, and what is known of them: without a socket.
#include "actors/client/cover_sites.hpp"

#include <doctest/doctest.h>

#include "actors/client/cover_table.hpp"
#include "actors/client/own_probes.hpp"
#include "codecs/client/cover_profile.hpp"
#include "tests/codecs/client/cover_probes.hpp"

namespace mtp::actors {
namespace {

using config::fronting_mode;
using config::fronting_target;
using texts = std::vector<std::string>;

fronting_target target(std::string_view text) {
  const auto parsed = config::parse_fronting_target(text);
  REQUIRE_MESSAGE(parsed, text);
  return *parsed;
}

config::client_config clients(fronting_mode mode) {
  config::client_config all;
  all.ports.emplace_back();
  all.fronting.mode = mode;
  return all;
}

/// Sites that only others get to have a "-".
texts measured(const config::client_config& all) {
  texts found;
  for (const auto& site : cover_sites_of(all))
    found.push_back((site.is_cover ? "" : "-") + text_of(site));
  return found;
}

TEST_CASE("cover sites: none without fronting, nor where they are not to be measured") {
  CHECK(measured(clients(fronting_mode::off)).empty());
  auto all = clients(fronting_mode::fixed);
  all.fronting.fixed = target("192.0.2.1:443");
  CHECK(measured(all).size() == 1);
  all.fronting.measure_sites = false;
  CHECK(measured(all).empty());
}

TEST_CASE("cover sites: by the names that clients ask for") {
  auto all = clients(fronting_mode::fixed);
  all.fronting.fixed = target("192.0.2.1:443");
  SUBCASE("those in tls_domains") {
    all.tls_domains = {"a.example", "b.example"};
    CHECK(measured(all) == texts{"a.example@192.0.2.1:443", "b.example@192.0.2.1:443"});
  }
  SUBCASE("those of sites, and the site of each") {
    all.fronting.sites = {{"a.example", target("unix:/a")}, {"*.b.example", target("unix:/b")}};
    CHECK(measured(all) ==
          texts{"a.example@unix:/a", "-www.b.example@unix:/b", "-s3.amazonaws.com@192.0.2.1:443"});
  }
  SUBCASE("the site's own") {
    all.fronting.fixed = target("site.example:8443");
    CHECK(measured(all) == texts{"site.example@site.example:8443"});
  }
  SUBCASE("that in the links") {
    CHECK(measured(all) == texts{"s3.amazonaws.com@192.0.2.1:443"});
  }
  SUBCASE("of each port") {
    all.ports[0].tls_domains = texts{"a.example"};
    all.ports.emplace_back().tls_domains = texts{"b.example"};
    all.ports.emplace_back().tls_domains = texts{"a.example"};
    CHECK(measured(all) == texts{"a.example@192.0.2.1:443", "b.example@192.0.2.1:443"});
  }
}

TEST_CASE("cover sites: the name itself, where names are dialled") {
  auto all = clients(fronting_mode::sni);
  all.fronting.fallback = target("192.0.2.9:443");
  all.tls_domains = {"a.example"};
  CHECK(measured(all) == texts{"a.example@a.example:443", "-s3.amazonaws.com@192.0.2.9:443"});
}

TEST_CASE("cover sites: a port without fake-TLS has none, but its sites may lead back") {
  auto all = clients(fronting_mode::fixed);
  all.fronting.fixed = target("192.0.2.1:443");
  all.ports[0].allowed_protocols = {config::protocol::mtp_secure};
  CHECK(measured(all) == texts{"-s3.amazonaws.com@192.0.2.1:443"});
}

TEST_CASE("cover sites: a bounded number of them") {
  auto all = clients(fronting_mode::fixed);
  all.fronting.fixed = target("192.0.2.1:443");
  for (int i = 0; i < 100; ++i)
    all.tls_domains.push_back("n" + std::to_string(i) + ".example");
  CHECK(measured(all).size() == max_cover_sites - 16);
  for (std::uint16_t port = 1; port <= 100; ++port)
    all.fronting.plain.emplace(port, target("192.0.2.2:" + std::to_string(port)));
  CHECK(measured(all).size() == max_cover_sites);
}

TEST_CASE("cover sites: a text that a profile may have, for each of them") {
  const cover_site long_one{.target = target("unix:/" + std::string(100, 'p')),
                            .sni = std::string(253, 'n')};
  CHECK(text_of(long_one).size() <= max_cover_site);
  const cover_site blank{.target = target("unix:/a site"), .sni = "a.example"};
  CHECK(text_of(blank).starts_with("a.example@"));
  CHECK(text_of(blank).find(' ') == std::string::npos);
  CHECK(text_of(blank) != text_of({.target = target("unix:/another site"), .sni = "a.example"}));
}

TEST_CASE("cover table: the profile of the name, else of another name at the same place") {
  const auto profile = [](std::string site) {
    return std::make_shared<const cover_profile>(cover_profile{.site = std::move(site)});
  };
  const auto here = target("192.0.2.1:443");
  cover_table table;
  table.entries = {{.site = {.target = here, .sni = "unmeasured"}, .profile = nullptr},
                   {.site = {.target = here, .sni = "a"}, .profile = profile("a")},
                   {.site = {.target = here, .sni = "b"}, .profile = profile("b")},
                   {.site = {.target = target("unix:/loop"), .sni = "c"},
                    .profile = nullptr,
                    .leads_back = true}};
  CHECK(table.find(here, "b")->site == "b");
  CHECK(table.find(here, "x")->site == "a");
  CHECK(table.find(target("192.0.2.2:443"), "a") == nullptr);
  CHECK(table.leads_back(target("unix:/loop")));
  CHECK_FALSE(table.leads_back(here));
}

TEST_CASE("own probes: one that comes back is known, for as long as it is under way") {
  own_probes probes;
  const auto hello = [](std::uint64_t seed) {
    return test::probe_of(hello_shape::browser, "a.example", seed).record;
  };
  CHECK_FALSE(probes.take_back(hello(1)));
  probes.begin(hello(1));
  CHECK_FALSE(probes.take_back(hello(2)));
  CHECK_FALSE(probes.take_back(byte_view{hello(1)}.first(42)));
  CHECK_FALSE(probes.end());
  CHECK_FALSE(probes.take_back(hello(1)));
  // What has come so far may be more, or less, than the hello.
  probes.begin(hello(2));
  CHECK(probes.take_back(byte_view{hello(2)}.first(43)));
  CHECK(probes.end());
  CHECK_FALSE(probes.end());
}

TEST_CASE("own probes: behind the headers of proxies on its way") {
  own_probes probes;
  const auto hello = test::probe_of(hello_shape::browser).record;
  probes.begin(hello);
  auto seen = make_proxy_header(proxy_version::v1, std::nullopt);
  append(seen, make_proxy_header(proxy_version::v2, std::nullopt));
  append(seen, hello);
  CHECK(probes.take_back(seen));
  CHECK_FALSE(probes.take_back(make_proxy_header(proxy_version::v2, std::nullopt)));
}

}  // namespace
}  // namespace mtp::actors
