#include "codecs/client/secret.hpp"

#include "codecs/base/text.hpp"
#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::check_property;
using namespace std::literals;

constexpr secret16 key{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                       0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
const proxy_secret classic{.kind = secret_kind::classic, .key = key, .domain = {}};
const proxy_secret padded{.kind = secret_kind::padded, .key = key, .domain = {}};
const proxy_secret fake_tls{.kind = secret_kind::fake_tls, .key = key, .domain = "example.com"};

void check_bad_secret(std::string_view text) {
  const auto got = parse_secret(text);
  REQUIRE_MESSAGE(!got, text);
  CHECK(got.error() == errc::bad_secret);
}

void check_bad_link(std::string_view text, errc why = errc::bad_link) {
  const auto got = parse_link(text);
  REQUIRE_MESSAGE(!got, text);
  CHECK_MESSAGE(got.error() == why, text);
}

TEST_CASE("secret: three kinds in hex, of any case") {
  CHECK(parse_secret("00112233445566778899aabbccddeeff") == classic);
  CHECK(parse_secret("00112233445566778899AABBCCDDEEFF") == classic);
  CHECK(parse_secret("dd"  // padded
                     "00112233445566778899aabbccddeeff") == padded);
  CHECK(parse_secret("DD00112233445566778899aAbBcCdDeEfF") == padded);
  CHECK(parse_secret("ee"                                     // fake-TLS
                     "00112233445566778899aabbccddeeff"       // key
                     "6578616d706c652e636f6d") == fake_tls);  // example.com
}

// printf '\xdd\x00\x11...' | base64
TEST_CASE("secret: three kinds in base64 and base64url, with and without padding") {
  CHECK(parse_secret("ABEiM0RVZneImaq7zN3u/w==") == classic);
  CHECK(parse_secret("ABEiM0RVZneImaq7zN3u/w") == classic);
  CHECK(parse_secret("ABEiM0RVZneImaq7zN3u_w==") == classic);
  CHECK(parse_secret("ABEiM0RVZneImaq7zN3u_w") == classic);
  CHECK(parse_secret("ABEiM0RVZneImaq7zN3u_w=") == classic);  // half of it, as tdesktop takes it
  CHECK(parse_secret("3QARIjNEVWZ3iJmqu8zd7v8=") == padded);
  CHECK(parse_secret("3QARIjNEVWZ3iJmqu8zd7v8") == padded);
  CHECK(parse_secret("7gARIjNEVWZ3iJmqu8zd7v9leGFtcGxlLmNvbQ==") == fake_tls);
  CHECK(parse_secret("7gARIjNEVWZ3iJmqu8zd7v9leGFtcGxlLmNvbQ") == fake_tls);
}

TEST_CASE("secret: base64 that happens to have hex digits only is still base64") {
  const auto text = "abcdefabcdefabcdefabcA"sv;  // 22 digits: 11 bytes in hex, 16 in base64
  const auto got = parse_secret(text);
  REQUIRE(got);
  CHECK(got->kind == secret_kind::classic);
  CHECK(to_hex(got->key) == "69b71d79f69b71d79f69b71d79f69b70");
}

TEST_CASE("secret: it is written in hex and in base64url without padding") {
  CHECK(format_secret_hex(classic) == "00112233445566778899aabbccddeeff");
  CHECK(format_secret_hex(padded) == "dd00112233445566778899aabbccddeeff");
  CHECK(format_secret_hex(fake_tls) == "ee00112233445566778899aabbccddeeff6578616d706c652e636f6d");
  CHECK(format_secret_base64(classic) == "ABEiM0RVZneImaq7zN3u_w");
  CHECK(format_secret_base64(fake_tls) == "7gARIjNEVWZ3iJmqu8zd7v9leGFtcGxlLmNvbQ");
}

TEST_CASE("secret: other lengths and marks are refused") {
  for (const auto text : {
           ""sv,
           "00"sv,
           "00112233445566778899aabbccddee"sv,        // 15 bytes
           "cc00112233445566778899aabbccddeeff"sv,    // 17 bytes, unknown mark
           "ee00112233445566778899aabbccddeeff"sv,    // fake-TLS without a domain
           "dd00112233445566778899aabbccddeeff61"sv,  // padded with a domain
           "0000112233445566778899aabbccddeeff61"sv,  // 18 bytes, unknown mark
           "00112233445566778899aabbccddeefg"sv,      // no hex; 24 bytes in base64
           " 00112233445566778899aabbccddeeff"sv,
           "00112233445566778899aabbccddeeff\n"sv,
           "ABEiM0RVZneImaq7zN3u_w==="sv,
           "=="sv,
           "ABEiM0RV=ZneImaq7zN3u_w"sv,
       })
    check_bad_secret(text);
}

TEST_CASE("secret: a domain is up to 253 printable characters") {
  const auto with_domain = [](std::string_view domain) {
    return "ee" + to_hex(key) + to_hex(as_bytes(domain));
  };
  const std::string longest(max_domain_size, 'a');
  const auto got = parse_secret(with_domain(longest));
  REQUIRE(got);
  CHECK(got->domain == longest);
  check_bad_secret(with_domain(longest + 'a'));
  CHECK(parse_secret(with_domain("!~")));  // the first and the last of them
  for (const auto domain :
       {"exa mple.com"sv, "example.com\n"sv, "example.com\0"sv, "\0"sv, "ex\x7f.com"sv,
        "b\xc3\xbc"
        "cher.de"sv})
    check_bad_secret(with_domain(domain));
}

// printf '%s' 'some salt''0123456789abcdef0123456789abcdef''example.com' | sha256sum
TEST_CASE("secret: that of a domain is half a SHA-256 over salt, hex and domain") {
  const secret16 base{0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                      0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
  CHECK(to_hex(derive_sni_secret(base, "example.com", "some salt")) ==
        "af4c877559e6e13c2fc26aa1e4de0b72");
  CHECK(derive_sni_secret(base, "example.org", "some salt") !=
        derive_sni_secret(base, "example.com", "some salt"));
}

TEST_CASE("link: tg://, https:// or none, parameters in any order, others ignored") {
  const proxy_link expected{.server = "proxy.example.com", .port = 443, .secret = padded};
  const auto query = "server=proxy.example.com&port=443&secret=dd00112233445566778899aabbccddeeff"s;
  for (const std::string_view prefix :
       {"tg://proxy?", "https://t.me/proxy?", "http://t.me/proxy?", "https://telegram.me/proxy?",
        "http://telegram.me/proxy?", "https://telegram.dog/proxy?", "http://telegram.dog/proxy?",
        "t.me/proxy?"})
    CHECK_MESSAGE(parse_link(std::string{prefix} + query) == expected, prefix);
  CHECK(parse_link("tg://proxy?secret=dd00112233445566778899aabbccddeeff&x&y=1&&port=443"
                   "&server=proxy.example.com&") == expected);
}

TEST_CASE("link: percent-encoding is undone in values, a plus stays a plus") {
  const auto got = parse_link(
      "tg://proxy?server=%5b2001%3Adb8::1%5D&port=%34%34%33&secret=ABEiM0RVZneImaq7zN3u%2fw%3D%3D");
  REQUIRE(got);
  CHECK(got->server == "2001:db8::1");
  CHECK(got->port == 443);
  CHECK(got->secret == classic);
  const auto plus = parse_link("tg://proxy?server=a&port=1&secret=ABEiM0RVZneImaq7zN3u+w==");
  REQUIRE(plus);
  CHECK(plus->secret.key[15] == 0xfb);
}

TEST_CASE("link: an IPv6 server is the same with brackets and without, encoded or not") {
  const auto server_of = [](const std::string& text) {
    const auto got = parse_link("tg://proxy?port=1&secret=ABEiM0RVZneImaq7zN3u_w&server=" + text);
    REQUIRE_MESSAGE(got, text);
    return got->server;
  };
  for (const std::string text : {"2001:db8::1", "[2001:db8::1]", "2001%3Adb8%3A%3a1",
                                 "%5B2001%3Adb8%3A%3A1%5D", "[2001:db8::1%5d"})
    CHECK_MESSAGE(server_of(text) == "2001:db8::1", text);
  // Brackets around something else are not ours to judge.
  for (const std::string text : {"[1.2.3.4]", "[example.com]", "[]", "[", "]", "[[::1]]", "[::1]x"})
    CHECK_MESSAGE(server_of(text) == text, text);
}

TEST_CASE("link: every spelling that an official client takes") {
  const proxy_link expected{.server = "a.example", .port = 443, .secret = padded};
  const auto query = "server=a.example&port=443&secret=dd00112233445566778899aabbccddeeff"s;
  const auto html = "server=a.example&amp;port=443&amp;secret=dd00112233445566778899aabbccddeeff"s;
  for (const auto& link :
       {"tg:proxy?" + query,
        "TG://PROXY?" + query,
        "Tg:Proxy?" + query,
        "tg://proxy/?" + query,
        "HTTPS://T.ME/proxy?" + query,
        "https://t.me/Proxy?" + query,
        "https://t.me/proxy/?" + query,
        "https://www.t.me/proxy?" + query,
        "www.telegram.me/proxy?" + query,
        "telegram.me/proxy?" + query,
        "telegram.dog/proxy?" + query,
        "https://Telegram.Dog/proxy?" + query,
        "https://t.me:443/proxy?" + query,
        "http://t.me:80/proxy?" + query,
        " \ttg://proxy?" + query + "\r\n",
        "tg://proxy?" + query + "#here",
        "https://t.me/proxy?" + query + " # &port=1",
        "tg://proxy?" + html,
        "tg://proxy?" + query + "&server=other&port=1&secret=",
        "tg://proxy?broken=%zz&half=%&" + query,
        "tg://proxy?Server=a.example&PORT=443&sEcRet=dd00112233445566778899aabbccddeeff"s})
    CHECK_MESSAGE(parse_link(link) == expected, link);
}

TEST_CASE("link: other schemes, hosts, missing and broken parameters are refused") {
  const auto secret = "&secret=00112233445566778899aabbccddeeff"s;
  for (const std::string_view start : {"",
                                       "tg://proxy",
                                       "tg://proxy?server&port=1",
                                       "tg://socks?server=a&port=1",
                                       "ftp://t.me/proxy?server=a&port=1",
                                       "https://t.me.example.com/proxy?server=a&port=1",
                                       "https://t.me/socks?server=a&port=1",
                                       "tg://proxy?port=1",
                                       "tg://proxy?server=&port=1",
                                       "tg://proxy?server=a",
                                       "tg://proxy?server=a&port=",
                                       "tg://proxy?server=a&port=0",
                                       "tg://proxy?server=a&port=65536",
                                       "tg://proxy?server=a&port=1x",
                                       "tg://proxy?server=a%&port=1",
                                       "tg://proxy?server=a%4&port=1",
                                       "tg://proxy?server=a%4g&port=1",
                                       "tg://proxy?port=1&#server=a",
                                       "tg:/proxy?server=a&port=1",
                                       "proxy?server=a&port=1",
                                       "//proxy?server=a&port=1",
                                       "tg://t.me/proxy?server=a&port=1",
                                       "https:t.me/proxy?server=a&port=1",
                                       "https://proxy.t.me/proxy?server=a&port=1",
                                       "https://t.me:8443/proxy?server=a&port=1",
                                       "https://u@t.me/proxy?server=a&port=1",
                                       "https://t.me//proxy?server=a&port=1",
                                       "https://t.me/proxy//?server=a&port=1",
                                       "https://t.meproxy?server=a&port=1",
                                       "tg://proxyserver=a&port=1",
                                       "tg://proxies?server=a&port=1",
                                       "tg:// proxy?server=a&port=1",
                                       "tg://proxy?server=a&port= 1",
                                       "tg://proxy?server =a&port=1",
                                       "tg://proxy?server=a&amp;amp;port=1",
                                       "x tg://proxy?server=a&port=1"})
    check_bad_link(std::string{start} + secret);
  check_bad_link("tg://proxy?server=a&port=1");
  check_bad_link("tg://proxy?port=1" + secret + "&server=" + std::string(max_server_size + 1, 'a'));
  CHECK(parse_link("tg://proxy?port=1" + secret + "&server=" + std::string(max_server_size, 'a')));
  check_bad_link("tg://proxy?server=a&port=1&secret=", errc::bad_secret);
  check_bad_link("tg://proxy?server=a&port=1&secret=ee00112233445566778899aabbccddeeff",
                 errc::bad_secret);
}

TEST_CASE("link: an IPv6 server stands there as clients look it up") {
  CHECK(format_tg_link({.server = "2001:db8::1", .port = 443, .secret = classic}) ==
        "tg://proxy?server=2001:db8::1&port=443&secret=00112233445566778899aabbccddeeff");
}

TEST_CASE("link: both forms carry the secret in hex") {
  const proxy_link link{.server = "1.2.3.4", .port = 443, .secret = padded};
  CHECK(format_tg_link(link) ==
        "tg://proxy?server=1.2.3.4&port=443&secret=dd00112233445566778899aabbccddeeff");
  CHECK(format_https_link(link) ==
        "https://t.me/proxy?server=1.2.3.4&port=443&secret=dd00112233445566778899aabbccddeeff");
}

rc::Gen<proxy_secret> any_secret() {
  return rc::gen::exec([] {
    proxy_secret secret;
    secret.kind =
        *rc::gen::element(secret_kind::classic, secret_kind::padded, secret_kind::fake_tls);
    secret.key = *rc::gen::arbitrary<secret16>();
    if (secret.kind == secret_kind::fake_tls)
      secret.domain =
          *rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::inRange<char>('!', '\x7f')));
    return secret;
  });
}

TEST_CASE("secret: what is written is read back, in every form") {
  check_property([] {
    const auto secret = *any_secret();
    RC_ASSERT(parse_secret(format_secret_hex(secret)) == secret);
    RC_ASSERT(parse_secret(format_secret_base64(secret)) == secret);
  });
}

TEST_CASE("link: what is written is read back, whatever the server is called") {
  check_property([] {
    const proxy_link link{.server = *rc::gen::nonEmpty(rc::gen::arbitrary<std::string>()),
                          .port = *rc::gen::nonZero<std::uint16_t>(),
                          .secret = *any_secret()};
    RC_ASSERT(parse_link(format_tg_link(link)) == link);
    RC_ASSERT(parse_link(format_https_link(link)) == link);
  });
}

TEST_CASE("secret and link: any text is read or refused") {
  check_property([] {
    const auto secret = *rc::gen::arbitrary<std::string>();
    if (const auto got = parse_secret(secret))
      RC_ASSERT(parse_secret(format_secret_hex(*got)) == *got);

    const auto words = rc::gen::element<std::string>(
        "server=", "port=", "secret=", "a", "443", "&", "=", "%", "%41", "%00", "?", "#", "amp;",
        "[", "]", "::1", "PORT=", " ", "dd00112233445566778899aabbccddeeff",
        "ABEiM0RVZneImaq7zN3u_w");
    std::string link = "tg://proxy?";
    if (*rc::gen::arbitrary<bool>()) link += "server=a&port=1&secret=ABEiM0RVZneImaq7zN3u_w";
    for (const auto& word : *rc::gen::container<std::vector<std::string>>(words))
      link += word;
    if (const auto got = parse_link(link)) RC_ASSERT(parse_link(format_tg_link(*got)) == *got);
  });
}

}  // namespace
}  // namespace mtp
