// Where connections are forwarded to, and which names are ours: without a socket.
#include "actors/client/fronting_rules.hpp"

#include "codecs/base/host_name.hpp"
#include "tests/support/property.hpp"

namespace mtp::actors {
namespace {

using config::fronting_mode;
using config::fronting_target;
using test::check_property;
using namespace std::literals;

fronting_target site(std::string_view text) {
  const auto parsed = config::parse_fronting_target(text);
  REQUIRE_MESSAGE(parsed, text);
  return *parsed;
}

/// A name of 251 bytes.
std::string long_domain() {
  const std::string label(60, 'a');
  return label + '.' + label + '.' + label + '.' + label + ".example";
}

struct front {
  config::client_config all;
  config::port_settings port;

  explicit front(fronting_mode mode) {
    all.tls_domains = {"ours.example", long_domain()};
    all.fronting.mode = mode;
    all.fronting.sites = {{"site.example", site("192.0.2.1:1")},
                          {"*.example", site("192.0.2.2:2")},
                          {"*.deep.example", site("unix:/deep")}};
    all.fronting.names = {"named.test"};
    all.fronting.fallback = site("192.0.2.9:9");
    if (mode == fronting_mode::fixed) all.fronting.fixed = site("192.0.2.8:8");
  }

  /// As text; "closed" for nothing.
  [[nodiscard]] std::string of(std::string_view sni, bool is_tls = true) const {
    const auto target = fronting_target_of(sni, is_tls, all, port);
    return target ? to_string(*target) : "closed";
  }
};

TEST_CASE("fronting rules: a listed site comes first, the very name before the longest *") {
  for (const auto mode : {fronting_mode::sni, fronting_mode::fixed}) {
    front rules{mode};
    // Listed or not, a site of its own counts before the name.
    rules.all.tls_domains = {"site.example", "www.example"};
    struct row {
      std::string_view sni;
      std::string_view expected;
    };
    for (const auto& [sni, expected] :
         {row{"site.example", "192.0.2.1:1"}, row{"SITE.Example", "192.0.2.1:1"},
          row{"site.example.", "192.0.2.1:1"}, row{"www.example", "192.0.2.2:2"},
          row{"a.site.example", "192.0.2.2:2"}, row{"a.b.c.example", "192.0.2.2:2"},
          row{"deep.example", "192.0.2.2:2"}, row{"a.deep.example", "unix:/deep"},
          row{"a.b.DEEP.example.", "unix:/deep"}, row{"xdeep.example", "192.0.2.2:2"},
          row{"example", "192.0.2.9:9"}, row{"example.test", "192.0.2.9:9"},
          row{"*.example", "192.0.2.9:9"}})
      CHECK_MESSAGE(rules.of(sni) == expected, sni);
  }
}

TEST_CASE("fronting rules: with sni a name of ours is dialled at port 443, others are not") {
  front rules{fronting_mode::sni};
  rules.all.fronting.sites.clear();
  CHECK(rules.of("ours.example") == "ours.example:443");
  CHECK(rules.of("Ours.EXAMPLE.") == "ours.example:443");
  CHECK(rules.of("named.test") == "named.test:443");
  CHECK_FALSE(fronting_target_of("named.test", true, rules.all, rules.port)->is_trusted());
  CHECK(rules.of("other.example") == "192.0.2.9:9");
  CHECK(rules.of("a.ours.example") == "192.0.2.9:9");
  CHECK(rules.of("ours.example.test") == "192.0.2.9:9");
  // Without names of our own any client is served, but no name is dialled.
  rules.all.tls_domains.clear();
  CHECK(rules.of("ours.example") == "192.0.2.9:9");
}

TEST_CASE("fronting rules: a port's own names count in place of the others") {
  front rules{fronting_mode::sni};
  rules.all.fronting.sites.clear();
  rules.port.tls_domains = {"port.test"};
  CHECK(rules.of("port.test") == "port.test:443");
  CHECK(rules.of("ours.example") == "192.0.2.9:9");
  CHECK(rules.of("named.test") == "named.test:443");
}

TEST_CASE("fronting rules: open, every name is dialled, and nothing else is") {
  front rules{fronting_mode::sni};
  rules.all.fronting.open = true;
  CHECK(rules.of("other.test") == "other.test:443");
  CHECK(rules.of("OTHER.test.") == "other.test:443");
  CHECK(rules.of("site.example") == "192.0.2.1:1");
  const auto expect_default = [&](const std::string& expected) {
    for (const auto& sni : {""s,
                            "."s,
                            "192.0.2.7"s,
                            "192.0.2.7."s,
                            "127.1"s,
                            "2130706433"s,
                            "0x7f000001"s,
                            "0x7f.0.0.0x1"s,
                            "[2001:db8::7]"s,
                            "2001:db8::7"s,
                            "other.test:25"s,
                            "a b.test"s,
                            "a/b.test"s,
                            "-a.test"s,
                            "a..test"s,
                            "p\xd1\x80\xd0\xbe.test"s,
                            "a\0.test"s,
                            "a\r\n.test"s,
                            "*.test"s,
                            "https://other.test"s,
                            std::string(64, 'a') + ".test",
                            std::string(20'000, 'a')})
      CHECK_MESSAGE(rules.of(sni) == expected, sni);
  };
  expect_default("192.0.2.9:9");
  rules.all.fronting.fallback.reset();
  expect_default("closed");
  // The mode decides.
  rules.all.fronting.mode = fronting_mode::fixed;
  CHECK(rules.of("other.test") == "closed");
}

TEST_CASE("fronting rules: fronting_default counts before the site in domain_fronting") {
  front rules{fronting_mode::fixed};
  CHECK(rules.of("other.test") == "192.0.2.9:9");
  CHECK(rules.of("ours.test") == "192.0.2.9:9");
  CHECK(rules.of("") == "192.0.2.9:9");
  rules.all.fronting.fallback.reset();
  CHECK(rules.of("other.test") == "192.0.2.8:8");
  // Only with sni a name is dialled.
  CHECK(rules.of("named.test") == "192.0.2.8:8");
  CHECK(rules.of("") == "192.0.2.8:8");
}

TEST_CASE("fronting rules: what is not TLS asks for no name, whatever its bytes are") {
  for (const auto mode : {fronting_mode::sni, fronting_mode::fixed})
    for (const auto sni : {""sv, "site.example"sv, "ours.example"sv, "named.test"sv})
      CHECK(front{mode}.of(sni, false) == "192.0.2.9:9");
}

TEST_CASE("fronting rules: off, nothing is forwarded") {
  for (const auto sni : {""sv, "site.example"sv, "ours.example"sv, "named.test"sv})
    CHECK(front{fronting_mode::off}.of(sni) == "closed");
  CHECK(front{fronting_mode::off}.of("", false) == "closed");
}

TEST_CASE("fronting rules: the header that a site is sent comes with it") {
  front rules{fronting_mode::fixed};
  rules.all.fronting.sites.at("site.example").proxy_protocol = proxy_version::v2;
  CHECK(fronting_target_of("site.example", true, rules.all, rules.port)->proxy_protocol ==
        proxy_version::v2);
  CHECK_FALSE(fronting_target_of("www.example", true, rules.all, rules.port)->proxy_protocol);
}

TEST_CASE("fronting rules: a name that an old client cut is the whole one") {
  front rules{fronting_mode::sni};
  rules.all.fronting.sites.clear();
  const auto whole = long_domain();
  REQUIRE(is_host_name(whole));
  REQUIRE(whole.size() == 251);
  const auto cut = whole.substr(0, cut_sni_size);
  CHECK(rules.of(cut) == whole + ":443");
  CHECK(rules.of(whole) == whole + ":443");
  CHECK(is_our_domain(cut, rules.all.tls_domains));
  auto upper = cut;
  upper.front() = 'A';
  CHECK(is_our_domain(upper, rules.all.tls_domains));
  // Of exactly so many bytes, and only of a longer name.
  CHECK_FALSE(is_our_domain(whole.substr(0, cut_sni_size - 1), rules.all.tls_domains));
  CHECK_FALSE(is_our_domain(whole.substr(0, cut_sni_size + 1), rules.all.tls_domains));
  CHECK(rules.of(whole.substr(0, cut_sni_size + 1)) == "192.0.2.9:9");
  auto other = cut;
  other.back() = 'x';
  CHECK_FALSE(is_our_domain(other, rules.all.tls_domains));
  // A name may be cut at a dot, and be none then.
  const std::string at_dot = std::string(60, 'a') + '.' + std::string(60, 'a') + '.' +
                             std::string(59, 'a') + '.' + std::string(20, 'b') + ".test";
  REQUIRE(at_dot[cut_sni_size - 1] == '.');
  CHECK(is_our_domain(at_dot.substr(0, cut_sni_size), {at_dot}));
  // Sites are found by the whole name.
  rules.all.fronting.sites = {{whole, site("192.0.2.1:1")}};
  CHECK(rules.of(cut) == "192.0.2.1:1");
}

TEST_CASE("fronting rules: which names are those of clients") {
  const std::vector domains{"ours.example"s, "xn--e1afmkfd.test"s};
  for (const auto sni :
       {"ours.example"sv, "OURS.example"sv, "ours.example."sv, "XN--E1AFMKFD.test"sv, ""sv})
    CHECK_MESSAGE(is_our_domain(sni, domains), sni);
  for (const auto sni : {"other.example"sv, "a.ours.example"sv, "ours.exampl"sv, "ours.example.."sv,
                         "192.0.2.1"sv, "."sv, "\xff"sv})
    CHECK_MESSAGE(!is_our_domain(sni, domains), sni);
  for (const auto sni : {""sv, "any.test"sv, "192.0.2.1"sv, "\xff"sv})
    CHECK(is_our_domain(sni, {}));
}

TEST_CASE("fronting rules: with sni only names of lists are dialled, whatever is asked for") {
  check_property([] {
    front rules{fronting_mode::sni};
    const auto part = rc::gen::element("ours"s, "Site"s, "deep"s, "named"s, "a"s, ""s, "\xff"s,
                                       "example"s, "test"s, "1"s, "*"s);
    std::string sni;
    for (const auto& label : *rc::gen::container<std::vector<std::string>>(part))
      sni += (sni.empty() ? "" : ".") + label;
    if (*rc::gen::arbitrary<bool>()) sni += '.';
    const auto target = fronting_target_of(sni, true, rules.all, rules.port);
    RC_ASSERT(target.has_value());
    if (const auto* const named = std::get_if<config::named_site>(&target->place)) {
      RC_ASSERT(named->port == 443);
      RC_ASSERT(named->host == "ours.example" || named->host == "named.test");
      RC_ASSERT(normal_host_name(sni) == named->host);
    }
    // Case and a dot at the end make no difference.
    const auto name = normal_host_name(sni);
    if (name) RC_ASSERT(fronting_target_of(*name, true, rules.all, rules.port) == target);
  });
}

}  // namespace
}  // namespace mtp::actors
