#include "codecs/base/address.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_endpoint;
using test::any_ip;
using test::check_property;
using namespace std::literals;

ip_address ip(std::string_view text) {
  const auto parsed = ip_address::parse(text);
  REQUIRE_MESSAGE(parsed, text);
  return *parsed;
}

TEST_CASE("ip_address: IPv4 is mapped into IPv6") {
  const auto address = ip_address::v4({1, 2, 3, 4});
  CHECK(address.mapped() == std::array<std::uint8_t, 16>{0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 10 zeros
                                                         0xff, 0xff,                    //
                                                         1, 2, 3, 4});
  CHECK(address.is_v4());
  CHECK(address.v4_octets() == std::array<std::uint8_t, 4>{1, 2, 3, 4});
  CHECK(to_string(address) == "1.2.3.4");
  CHECK(ip("::ffff:1.2.3.4") == address);
  CHECK(ip("::ffff:102:304") == address);
}

TEST_CASE("ip_address: one that is almost a mapped IPv4 address is IPv6") {
  for (const auto text : {"::1.2.3.4"sv, "::fffe:1.2.3.4"sv, "::feff:1.2.3.4"sv,
                          "::1:ffff:1.2.3.4"sv, "100::ffff:1.2.3.4"sv})
    CHECK_FALSE_MESSAGE(ip(text).is_v4(), text);
}

TEST_CASE("ip_address: default is 0.0.0.0") {
  CHECK(ip_address{} == ip("0.0.0.0"));
  CHECK(ip_address{}.is_v4());
}

TEST_CASE("ip_address: anything but a literal address is refused") {
  for (const auto text : {""sv,          "1.2.3"sv,         "1.2.3.4.5"sv,
                          "1.2.3.256"sv, "1.2.3.04"sv,      " 1.2.3.4"sv,
                          "1.2.3.4 "sv,  "0x7f.0.0.1"sv,    "2130706433"sv,
                          "localhost"sv, "example.com"sv,   ":"sv,
                          ":::"sv,       "1::2::3"sv,       "2001:db8::g"sv,
                          "[::1]"sv,     "fe80::1%eth0"sv,  "12345::"sv,
                          "1.2.3.4\0"sv, "1.2.3.4\0junk"sv, "::1\0"sv})
    CHECK_FALSE_MESSAGE(ip_address::parse(text), text);
}

TEST_CASE("ip_address: any, loopback and private ones of both families") {
  for (const auto text : {"0.0.0.0"sv, "::"sv}) {
    CHECK(ip(text).is_any());
    CHECK(ip(text).is_private());
    CHECK_FALSE(ip(text).is_loopback());
  }
  for (const auto text : {"127.0.0.1"sv, "127.255.255.255"sv, "::1"sv, "::ffff:127.0.0.1"sv}) {
    CHECK(ip(text).is_loopback());
    CHECK(ip(text).is_private());
    CHECK_FALSE(ip(text).is_any());
  }
  for (const auto text :
       {"10.0.0.0"sv, "10.255.255.255"sv, "172.16.0.0"sv, "172.31.255.255"sv, "192.168.0.0"sv,
        "192.168.255.255"sv, "100.64.0.0"sv, "100.127.255.255"sv, "169.254.0.1"sv, "fc00::1"sv,
        "fdff::1"sv, "fe80::1"sv, "febf::1"sv, "::ffff:10.0.0.1"sv}) {
    CHECK_MESSAGE(ip(text).is_private(), text);
    CHECK_FALSE(ip(text).is_loopback());
  }
}

TEST_CASE("ip_address: the neighbours of private ranges are public") {
  for (const auto text :
       {"9.255.255.255"sv, "11.0.0.0"sv, "172.15.255.255"sv, "172.32.0.0"sv, "192.167.255.255"sv,
        "192.169.0.0"sv, "100.63.255.255"sv, "100.128.0.0"sv, "169.253.255.255"sv, "169.255.0.0"sv,
        "126.255.255.255"sv, "128.0.0.1"sv, "149.154.167.51"sv, "2001:67c:4e8:f002::a"sv,
        "fbff::1"sv, "fe00::1"sv, "fe7f::1"sv, "fec0::1"sv})
    CHECK_FALSE_MESSAGE(ip(text).is_private(), text);
  for (const auto text : {"126.255.255.255"sv, "128.0.0.1"sv, "::2"sv, "1::1"sv, "1.0.0.127"sv})
    CHECK_FALSE_MESSAGE(ip(text).is_loopback(), text);
  for (const auto text : {"0.0.0.1"sv, "1.0.0.0"sv, "::1"sv, "100::"sv})
    CHECK_FALSE_MESSAGE(ip(text).is_any(), text);
}

TEST_CASE("endpoint: IPv6 stands in brackets, IPv4 does not") {
  CHECK(to_string(endpoint{ip("1.2.3.4"), 443}) == "1.2.3.4:443");
  CHECK(to_string(endpoint{ip("2001:db8::1"), 65535}) == "[2001:db8::1]:65535");
  CHECK(to_string(endpoint{ip("::ffff:1.2.3.4"), 1}) == "1.2.3.4:1");
  CHECK(parse_endpoint("1.2.3.4:443") == endpoint{ip("1.2.3.4"), 443});
  CHECK(parse_endpoint("[2001:db8::1]:443") == endpoint{ip("2001:db8::1"), 443});
}

TEST_CASE("endpoint: host names, missing parts and brackets in the wrong place are refused") {
  for (const auto text :
       {""sv, ":"sv, "1.2.3.4"sv, "1.2.3.4:"sv, ":443"sv, "example.com:443"sv, "::1:443"sv,
        "[::1]"sv, "[::1]443"sv, "[]:443"sv, "[1.2.3.4]:443"sv, "[::1:443"sv, "::1]:443"sv,
        "[[::1]]:443"sv, "1.2.3.4:0"sv, "1.2.3.4:65536"sv, "1.2.3.4:443 "sv, "1.2.3.4\0:443"sv})
    CHECK_FALSE_MESSAGE(parse_endpoint(text), text);
}

TEST_CASE("port: decimal, 1 to 65535, nothing around it") {
  CHECK(parse_port("1") == 1);
  CHECK(parse_port("65535") == 65535);
  for (const auto text : {""sv, "0"sv, "-1"sv, "+1"sv, " 1"sv, "1 "sv, "0x1"sv, "65536"sv, "1e3"sv,
                          "99999999999999999999"sv})
    CHECK_FALSE_MESSAGE(parse_port(text), text);
}

TEST_CASE("addresses: what is written is read back") {
  check_property([] {
    const auto address = *any_ip();
    RC_ASSERT(ip_address::parse(to_string(address)) == address);
    const auto at = *any_endpoint();
    RC_ASSERT(parse_endpoint(to_string(at)) == at);
  });
}

TEST_CASE("addresses: any text is read or refused") {
  check_property([] {
    const auto letters = rc::gen::element('0', '1', '2', '9', 'a', 'f', ':', '.', '[', ']');
    const auto text = *rc::gen::container<std::string>(letters);
    if (const auto at = parse_endpoint(text)) RC_ASSERT(parse_endpoint(to_string(*at)) == at);
    if (const auto address = ip_address::parse(text))
      RC_ASSERT(ip_address::parse(to_string(*address)) == address);
  });
}

}  // namespace
}  // namespace mtp
