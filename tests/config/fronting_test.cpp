#include "config/fronting.hpp"

#include <doctest/doctest.h>

#include "config/difference.hpp"
#include "config/settings_file.hpp"

namespace mtp::config {
namespace {

using namespace std::chrono_literals;
using namespace std::literals;

constexpr std::string_view one_port =
    "[[ports]]\n"
    "name = \"web\"\n"
    "port = 1443\n"
    "secret = \"00112233445566778899aabbccddeeff\"\n";

using texts = std::vector<std::string>;

texts shown(const std::vector<config_problem>& problems) {
  texts all;
  for (const auto& problem : problems)
    all.push_back(to_string(problem));
  return all;
}

/// A file with these lines before its port, and in it.
tl::expected<loaded_settings, std::vector<config_problem>> parse(const std::string& top,
                                                                 const std::string& in_port = {}) {
  return parse_settings(top + '\n' + std::string{one_port} + in_port, "dir/proxy.toml");
}

client_config good(const std::string& top, const std::string& in_port = {}) {
  const auto read = parse(top, in_port);
  INFO((read ? std::string{} : to_string(read.error().front())));
  REQUIRE(read);
  return read->settings.client;
}

texts problems(const std::string& top, const std::string& in_port = {}) {
  const auto read = parse(top, in_port);
  REQUIRE_FALSE(read);
  return shown(read.error());
}

texts warnings(const std::string& top, const std::string& in_port = {}) {
  const auto read = parse(top, in_port);
  INFO((read ? std::string{} : to_string(read.error().front())));
  REQUIRE(read);
  return shown(read->warnings);
}

fronting_target target(std::string_view text, std::optional<proxy_version> version = {}) {
  auto parsed = parse_fronting_target(text);
  REQUIRE_MESSAGE(parsed, text);
  parsed->proxy_protocol = version;
  return *parsed;
}

TEST_CASE("fronting target: an address, a path, or a name with a port") {
  const auto address = target("192.0.2.1:443");
  CHECK(address.place == decltype(address.place){*parse_endpoint("192.0.2.1:443")});
  CHECK(address.is_trusted());
  CHECK(target("[2001:db8::1]:1").is_trusted());
  CHECK(target("127.0.0.1:8443").is_trusted());
  const auto path = target("unix:/run/site.sock");
  CHECK(path.place == decltype(path.place){site_socket{"/run/site.sock"}});
  CHECK(path.is_trusted());
  const auto name = target("WWW.Example.com.:443");
  CHECK(name.place == decltype(name.place){named_site{.host = "www.example.com", .port = 443}});
  CHECK_FALSE(name.is_trusted());
  for (const auto text :
       {"192.0.2.1:443"sv, "[2001:db8::1]:1"sv, "unix:/run/site.sock"sv, "www.example.com:443"sv})
    CHECK(to_string(target(text)) == text);
  CHECK(parse_fronting_target("unix:/" + std::string(106, 'x')));
}

TEST_CASE("fronting target: what is none") {
  for (const auto& text : {""s,
                           "off"s,
                           "sni"s,
                           "example.com"s,
                           ":443"s,
                           "example.com:"s,
                           "example.com:0"s,
                           "example.com:65536"s,
                           "example.com:443:443"s,
                           "exa mple.com:443"s,
                           "*.example.com:443"s,
                           "1.2.3.400:443"s,
                           "0x7f.1:443"s,
                           "0.0.0.0:443"s,
                           "[::]:443"s,
                           "2001:db8::1:443"s,
                           "[2001:db8::1]"s,
                           "localhost:443"s,
                           "a.localhost:443"s,
                           "LOCALHOST.:443"s,
                           "unix:"s,
                           "unix:/"s,
                           "unix:run/site.sock"s,
                           "unix:/a\0b"s,
                           "https://example.com:443"s,
                           "unix:/" + std::string(107, 'x')})
    CHECK_MESSAGE(!parse_fronting_target(text), text);
}

TEST_CASE("fronting: without options there is none, and nothing is limited") {
  const auto all = good("");
  CHECK(all.fronting == fronting_settings{});
  CHECK(all.fronting.mode == fronting_mode::off);
  CHECK(all.fronting.connect_timeout == 10s);
  CHECK(all.fronting.silence == 3000ms);
  CHECK(all.fronting.idle_timeout == 600s);
  CHECK(all.fronting.when_down == fronting_down::mirror);
  CHECK(all.most_fronted() == 16000);
  CHECK(all.tls_domains.empty());
  CHECK_FALSE(all.ports[0].tls_domains);
  CHECK(all.ports[0].proxy_protocol_from.empty());
  CHECK(warnings("").empty());
}

TEST_CASE("fronting: each option is read") {
  CHECK(good("domain_fronting = \"off\"").fronting.mode == fronting_mode::off);
  CHECK(good("domain_fronting = false").fronting.mode == fronting_mode::off);
  const auto sni = good("domain_fronting = \"sni\"\nfronting_default = \"192.0.2.1:443\"").fronting;
  CHECK(sni.mode == fronting_mode::sni);
  CHECK_FALSE(sni.fixed);
  CHECK(sni.fallback == target("192.0.2.1:443"));
  const auto fixed = good("domain_fronting = \"[2001:db8::1]:443\"").fronting;
  CHECK(fixed.mode == fronting_mode::fixed);
  CHECK(fixed.fixed == target("[2001:db8::1]:443"));
  CHECK(good("domain_fronting = \"unix:/s\"").fronting.fixed == target("unix:/s"));
  CHECK(good("domain_fronting = { to = \"a.b:1\", proxy_protocol = \"v1\" }").fronting.fixed ==
        target("a.b:1", proxy_version::v1));
  CHECK(good("domain_fronting = { to = \"a.b:1\" }").fronting.fixed == target("a.b:1"));
  const auto names = good(
      "domain_fronting = \"sni\"\nfronting_default = \"192.0.2.1:443\"\n"
      "fronting_names = [\"WWW.example.com.\"]\ntls_domains = [\"a.b\"]");
  CHECK(names.fronting.names == texts{"www.example.com"});
  CHECK(names.tls_domains == texts{"a.b"});
  CHECK(names.domains_of(names.ports[0]) == texts{"a.b"});
  CHECK(good("domain_fronting = \"sni\"\nfronting_open = \"on\"").fronting.open);
  CHECK(good("domain_fronting_timeout_sec = 3").fronting.connect_timeout == 3s);
  CHECK(good("fronting_silence_ms = 500").fronting.silence == 500ms);
  CHECK(good("fronting_idle_sec = 5").fronting.idle_timeout == 5s);
  CHECK(good("max_fronted = 7").most_fronted() == 7);
  CHECK(good("max_fronted = 0\nmax_connections = 3").most_fronted() == 1);
  CHECK(good("max_connections = 100").most_fronted() == 25);
  CHECK(good("fronting_down = \"close\"").fronting.when_down == fronting_down::close);
  CHECK(good("fronting_down = \"hold\"").fronting.when_down == fronting_down::hold);
}

TEST_CASE("fronting: sites by name") {
  const auto sites = good(
                         "domain_fronting = \"192.0.2.1:443\"\n[fronting_sites]\n"
                         "\"Example.com.\" = \"127.0.0.1:8443\"\n"
                         "\"*.Example.com\" = { to = \"unix:/s\", proxy_protocol = \"v2\" }\n")
                         .fronting.sites;
  REQUIRE(sites.size() == 2);
  CHECK(sites.at("example.com") == target("127.0.0.1:8443"));
  CHECK(sites.at("*.example.com") == target("unix:/s", proxy_version::v2));
  CHECK(problems("fronting_sites = { \"*\" = \"a.b:1\" }") ==
        texts{"dir/proxy.toml:1: fronting_sites.*: expected a name, as \"example.com\" or "
              "\"*.example.com\"; fronting_default is for all other names"});
  CHECK(problems("[fronting_sites]\n\"192.0.2.1\" = \"a.b:1\"\n\"a.*.b\" = \"a.b:1\"\n"
                 "\"*.*.b\" = \"a.b:1\"\n\"\\u001b[31m\" = \"a.b:1\"\n\"\" = \"a.b:1\"\n")
            .size() == 5);
  CHECK(problems("[fronting_sites]\n\"a.b\" = \"c.d\"\n")[0].starts_with(
      "dir/proxy.toml:2: fronting_sites.a.b: expected \"host:port\", \"[v6]:port\" or"));
  CHECK(problems("[fronting_sites]\n\"a.b\" = \"c.d:1\"\n\"A.b\" = \"c.d:2\"\n") ==
        texts{"dir/proxy.toml:2: fronting_sites.a.b: is the same name as another one"});
  CHECK(problems("fronting_sites = 5") ==
        texts{"dir/proxy.toml:1: fronting_sites: expected a table, found 5"});
}

TEST_CASE("fronting: a name that may be a secret is not shown") {
  for (const auto& text : problems("[fronting_sites]\n00112233445566778899aabbccddeeff = 1\n"
                                   "\"00112233445566778899aabbccddeeff \" = 1\n")) {
    CAPTURE(text);
    CHECK(text.find("00112233") == std::string::npos);
  }
}

TEST_CASE("fronting: mistakes are told with file, line, key and what would be right") {
  const auto wanted =
      "expected \"off\", \"sni\", \"host:port\", \"[v6]:port\" or \"unix:/path\" (and not "
      "localhost but 127.0.0.1 or ::1, as no name may lead to a private address), found "s;
  const auto wrong = [&](const std::string& value, const std::string& found) {
    CHECK(problems("domain_fronting = " + value) ==
          texts{"dir/proxy.toml:1: domain_fronting: " + wanted + found});
  };
  wrong("\"example.com\"", "\"example.com\"");
  wrong("\"localhost:443\"", "\"localhost:443\"");
  wrong("true", "true");
  wrong("443", "443");
  CHECK(problems("\ndomain_fronting = { proxy_protocol = \"v1\" }")[0].starts_with(
      "dir/proxy.toml:2: domain_fronting.to: is missing: expected \"host:port\""));
  CHECK(problems("domain_fronting = { to = \"sni\" }")[0].starts_with(
      "dir/proxy.toml:1: domain_fronting.to: expected \"host:port\""));
  CHECK(problems("domain_fronting = { to = \"a.b:1\", proxy_protocol = 1 }") ==
        texts{"dir/proxy.toml:1: domain_fronting.proxy_protocol: expected one of \"v1\", \"v2\", "
              "found 1"});
  CHECK(problems("domain_fronting = { to = \"a.b:1\", port = 1 }") ==
        texts{"dir/proxy.toml:1: domain_fronting.port: is not a known option; see doc/config.md "
              "for those there are"});
  CHECK(problems("tls_domains = [\"*.example.com\"]") ==
        texts{"dir/proxy.toml:1: tls_domains: expected the name of a host, as \"example.com\" "
              "(letters of other alphabets as \"xn--...\"), found \"*.example.com\""});
  CHECK(problems("fronting_names = [\"192.0.2.1\"]").size() == 1);
  CHECK(problems("fronting_silence_ms = 99").size() == 1);
  CHECK(problems("fronting_silence_ms = 60001").size() == 1);
  CHECK(problems("fronting_idle_sec = 0").size() == 1);
  CHECK(problems("max_fronted = -1").size() == 1);
  CHECK(problems("fronting_down = \"reset\"").size() == 1);
}

TEST_CASE("fronting: the mode sni needs a site for all other names, unless it takes every name") {
  CHECK(problems("domain_fronting = \"sni\"") ==
        texts{"dir/proxy.toml:1: domain_fronting: \"sni\" needs fronting_default, the site for "
              "names that are not in tls_domains, fronting_sites or fronting_names, and for "
              "connections without a name"});
  // Only what is wrong is told.
  CHECK(problems("domain_fronting = \"sni\"\nfronting_default = \"example.com\"").size() == 1);
  CHECK(warnings("domain_fronting = \"sni\"\nfronting_default = \"192.0.2.1:443\"").empty());
  CHECK(warnings("domain_fronting = \"sni\"\nfronting_open = true") ==
        texts{"dir/proxy.toml:2: fronting_open: every name that is asked for is dialled at its "
              "port 443: this server can be used as a relay, and showing the certificate of any "
              "site is a sign of a proxy"});
}

TEST_CASE("fronting: options without effect are told") {
  CHECK(warnings("fronting_default = \"a.b:1\"\nfronting_sites = { \"c.d\" = \"a.b:1\" }") ==
        texts{"dir/proxy.toml:1: fronting_default: has no effect while domain_fronting is \"off\"",
              "dir/proxy.toml:2: fronting_sites: has no effect while domain_fronting is \"off\""});
  CHECK(warnings("domain_fronting = \"a.b:1\"\nfronting_names = [\"c.d\"]\nfronting_open = true") ==
        texts{"dir/proxy.toml:2: fronting_names: has no effect unless domain_fronting is \"sni\"",
              "dir/proxy.toml:3: fronting_open: has no effect unless domain_fronting is \"sni\""});
  CHECK(warnings("domain_fronting = \"sni\"\nfronting_open = true\nfronting_names = [\"c.d\"]")
            .back() ==
        "dir/proxy.toml:3: fronting_names: has no effect beside fronting_open, which takes every "
        "name");
  CHECK(warnings("domain_fronting = \"a.b:1\"\nfronting_default = \"c.d:1\"") ==
        texts{"dir/proxy.toml:2: fronting_default: takes the place of the site in domain_fronting, "
              "which nothing goes to then: remove one of them"});
}

TEST_CASE("fronting: a site that is this proxy is refused") {
  const auto loop = [](const std::string& site) {
    return "dir/proxy.toml:1: domain_fronting: " + site +
           " leads back to this proxy: \"web\" listens there";
  };
  CHECK(problems("domain_fronting = \"127.0.0.1:1443\"") == texts{loop("127.0.0.1:1443")});
  CHECK(problems("domain_fronting = \"[::1]:1443\"", "listen_ip = \"::\"") ==
        texts{loop("[::1]:1443")});
  CHECK(problems("domain_fronting = \"127.0.0.2:1443\"", "listen_ip = \"::\"") ==
        texts{loop("127.0.0.2:1443")});
  CHECK(problems("domain_fronting = \"192.0.2.1:1443\"", "listen_ip = \"192.0.2.1\"") ==
        texts{loop("192.0.2.1:1443")});
  CHECK(problems("domain_fronting = \"sni\"\nfronting_default = \"127.0.0.1:1443\"\n"
                 "fronting_sites = { \"a.b\" = \"127.0.0.1:1443\" }")
            .size() == 2);
  CHECK(warnings("domain_fronting = \"127.0.0.1:443\"").empty());
  CHECK(warnings("domain_fronting = \"[::1]:1443\"").empty());
  CHECK(warnings("domain_fronting = \"127.0.0.1:1443\"", "listen_ip = \"192.0.2.1\"").empty());
  // Found out when it is dialled, as what a name leads to may change.
  CHECK(warnings("domain_fronting = \"example.com:1443\"").empty());
}

TEST_CASE("fronting: a port may have names, and proxies in front of it") {
  const auto own = good("tls_domains = [\"a.b\"]", "tls_domains = [\"C.d\"]");
  CHECK(own.domains_of(own.ports[0]) == texts{"c.d"});
  const auto any = good("tls_domains = [\"a.b\"]", "tls_domains = []");
  CHECK(any.domains_of(any.ports[0]).empty());
  const auto from =
      good("", "proxy_protocol_from = [\"10.0.0.0/8\", \"::1\"]").ports[0].proxy_protocol_from;
  CHECK(from == std::vector{*cidr::parse("10.0.0.0/8"), *cidr::parse("::1")});
  CHECK(problems("", "proxy_protocol_from = [\"10.0.0.1/8\"]") ==
        texts{"dir/proxy.toml:6: ports[0].proxy_protocol_from: expected an address, or a network "
              "without bits behind its prefix, as \"10.0.0.0/8\" or \"2001:db8::/32\", found "
              "\"10.0.0.1/8\""});
  CHECK(warnings("", "proxy_protocol_from = [\"0.0.0.0/0\"]").size() == 1);
}

TEST_CASE("fronting: a change is shown as an operator writes it") {
  const auto change = [](const std::string& before, const std::string& after) {
    const auto all = differences(parse(before)->settings, parse(after)->settings);
    REQUIRE(all.size() == 1);
    return to_string(all[0]);
  };
  CHECK(change("", "domain_fronting = { to = \"a.b:1\", proxy_protocol = \"v2\" }") ==
        "domain_fronting: \"off\" -> { to = \"a.b:1\", proxy_protocol = \"v2\" } (at once)");
  CHECK(change("domain_fronting = \"a.b:1\"\nfronting_default = \"c.d:1\"",
               "domain_fronting = \"sni\"\nfronting_default = \"c.d:1\"") ==
        "domain_fronting: \"a.b:1\" -> \"sni\" (at once)");
  CHECK(change("fronting_sites = { \"a.b\" = \"unix:/s\" }",
               "fronting_sites = { \"a.b\" = \"unix:/s\", \"*.c.d\" = \"[::1]:1\" }") ==
        "fronting_sites: { \"a.b\" = \"unix:/s\" } -> { \"*.c.d\" = \"[::1]:1\", \"a.b\" = "
        "\"unix:/s\" } (at once)");
}

}  // namespace
}  // namespace mtp::config
