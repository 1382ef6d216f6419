#include "codecs/base/cidr.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_ip;
using test::check_property;
using namespace std::literals;

cidr network(std::string_view text) {
  const auto parsed = cidr::parse(text);
  REQUIRE_MESSAGE(parsed, text);
  return *parsed;
}

ip_address address(std::string_view text) {
  const auto parsed = ip_address::parse(text);
  REQUIRE_MESSAGE(parsed, text);
  return *parsed;
}

TEST_CASE("cidr: a prefix of whole bytes, and one that ends inside a byte") {
  const auto ten = network("10.0.0.0/8");
  CHECK(ten.first() == address("10.0.0.0"));
  CHECK(ten.prefix() == 8);
  CHECK(ten.contains(address("10.0.0.0")));
  CHECK(ten.contains(address("10.255.255.255")));
  CHECK_FALSE(ten.contains(address("9.255.255.255")));
  CHECK_FALSE(ten.contains(address("11.0.0.0")));
  const auto shared = network("100.64.0.0/10");
  CHECK(shared.contains(address("100.127.255.255")));
  CHECK_FALSE(shared.contains(address("100.63.255.255")));
  CHECK_FALSE(shared.contains(address("100.128.0.0")));
  CHECK(network("192.0.2.2/31").contains(address("192.0.2.3")));
  CHECK_FALSE(network("192.0.2.2/31").contains(address("192.0.2.4")));
}

TEST_CASE("cidr: IPv6") {
  const auto documentation = network("2001:db8::/32");
  CHECK(documentation.contains(address("2001:db8:ffff::1")));
  CHECK_FALSE(documentation.contains(address("2001:db9::")));
  const auto odd = network("fe80::/10");
  CHECK(odd.contains(address("febf::1")));
  CHECK_FALSE(odd.contains(address("fec0::")));
}

TEST_CASE("cidr: an address alone is a network of one") {
  CHECK(network("192.0.2.1") == network("192.0.2.1/32"));
  CHECK(network("::1") == network("::1/128"));
  CHECK(network("192.0.2.1").contains(address("192.0.2.1")));
  CHECK_FALSE(network("192.0.2.1").contains(address("192.0.2.2")));
}

TEST_CASE("cidr: everything of one family has nothing of the other") {
  CHECK(network("0.0.0.0/0").contains(address("255.255.255.255")));
  CHECK_FALSE(network("0.0.0.0/0").contains(address("::1")));
  CHECK(network("::/0").contains(address("ffff::1")));
  CHECK_FALSE(network("::/0").contains(address("192.0.2.1")));
  // As a dual-stack socket has it.
  CHECK(network("10.0.0.0/8").contains(address("::ffff:10.1.2.3")));
}

TEST_CASE("cidr: what is no network") {
  for (const auto text : {""sv,
                          "/"sv,
                          "/8"sv,
                          "10.0.0.0/"sv,
                          "10.0.0.0/33"sv,
                          "10.0.0.0/-1"sv,
                          "10.0.0.0/+8"sv,
                          "10.0.0.0/8 "sv,
                          "10.0.0.0/8/8"sv,
                          "10.0.0.0 /8"sv,
                          "10.0.0.0/255.0.0.0"sv,
                          "10/8"sv,
                          "10.0.0.1/8"sv,
                          "10.0.0.128/24"sv,
                          "0.0.0.1/0"sv,
                          "::/129"sv,
                          "2001:db8::1/64"sv,
                          "[::1]"sv,
                          "example.com"sv,
                          "::ffff:10.0.0.0/8"sv,
                          "::ffff:10.0.0.0/104"sv,
                          "::ffff:10.0.0.1"sv,
                          "10.0.0.0/99999999999"sv,
                          "10.0.0.0\0/8"sv})
    CHECK_MESSAGE(!cidr::parse(text), text);
}

TEST_CASE("cidr: a list has an address if one of its networks does") {
  const std::vector list{network("10.0.0.0/8"), network("2001:db8::/32")};
  CHECK(contains(list, address("10.1.1.1")));
  CHECK(contains(list, address("2001:db8::1")));
  CHECK_FALSE(contains(list, address("11.0.0.0")));
  CHECK_FALSE(contains({}, address("10.1.1.1")));
}

TEST_CASE("cidr: what is written is read back, and the first bits decide") {
  check_property([] {
    const auto bit = [](const ip_address& of, unsigned at) {
      const auto& octets = of.mapped();
      return octets[at / 8] >> (7 - at % 8) & 1;
    };
    const auto a = *any_ip();
    const unsigned most = a.is_v4() ? 32 : 128;
    const auto prefix = *rc::gen::inRange<unsigned>(0, most + 1);
    auto octets = a.mapped();
    for (auto at = 128 - most + prefix; at < 128; ++at)
      octets[at / 8] = static_cast<std::uint8_t>(octets[at / 8] & ~(0x80 >> at % 8));
    const auto first = ip_address::v6(octets);
    // Zeros may make of it an address of the other family.
    RC_PRE(first.is_v4() == a.is_v4());
    const auto parsed = cidr::parse(to_string(first) + '/' + std::to_string(prefix));
    RC_ASSERT(parsed.has_value());
    RC_ASSERT(cidr::parse(to_string(*parsed)) == parsed);
    RC_ASSERT(parsed->contains(a));
    const auto b = *any_ip();
    bool is_same = b.is_v4() == a.is_v4();
    for (auto at = 128 - most; at < 128 - most + prefix; ++at)
      is_same = is_same && bit(a, at) == bit(b, at);
    RC_ASSERT(parsed->contains(b) == is_same);
  });
}

}  // namespace
}  // namespace mtp
