#include "codecs/client/fronting_address.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_ip;
using test::check_property;
using namespace std::literals;

std::string_view why_not(std::string_view text, const std::vector<ip_address>& own = {}) {
  const auto ip = ip_address::parse(text);
  REQUIRE_MESSAGE(ip, text);
  return why_not_dialled(*ip, own);
}

TEST_CASE("fronting_address: the first and the last address of each network, with the reason") {
  struct row {
    std::string_view first;
    std::string_view last;
    std::string_view reason;
  };
  for (const auto& [first, last, reason] :
       {row{"0.0.0.0", "0.255.255.255", "this machine"},
        row{"10.0.0.0", "10.255.255.255", "a private network"},
        row{"100.64.0.0", "100.127.255.255", "a private network"},
        row{"127.0.0.0", "127.255.255.255", "this machine"},
        row{"169.254.0.0", "169.254.255.255", "a local link"},
        row{"172.16.0.0", "172.31.255.255", "a private network"},
        row{"192.0.0.0", "192.0.0.255", "a private network"},
        row{"192.168.0.0", "192.168.255.255", "a private network"},
        row{"198.18.0.0", "198.19.255.255", "a private network"},
        row{"224.0.0.0", "255.255.255.255", "no single machine"},
        row{"::", "::1", "this machine"},
        row{"::2", "::ffff:ffff", "an address with an IPv4 address in it"},
        row{"64:ff9b::", "64:ff9b::ffff:ffff", "an address with an IPv4 address in it"},
        row{"64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            "an address with an IPv4 address in it"},
        row{"2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff",
            "an address with an IPv4 address in it"},
        row{"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "an address with an IPv4 address in it"},
        row{"fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a private network"},
        row{"fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a local link"},
        row{"fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "a private network"},
        row{"ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "no single machine"}}) {
    CHECK_MESSAGE(why_not(first) == reason, first);
    CHECK_MESSAGE(why_not(last) == reason, last);
  }
}

TEST_CASE("fronting_address: their neighbours are dialled") {
  for (const auto text :
       {"1.0.0.0"sv,        "9.255.255.255"sv,   "11.0.0.0"sv,    "100.63.255.255"sv,
        "100.128.0.0"sv,    "126.255.255.255"sv, "128.0.0.0"sv,   "169.253.255.255"sv,
        "169.255.0.0"sv,    "172.15.255.255"sv,  "172.32.0.0"sv,  "191.255.255.255"sv,
        "192.0.1.0"sv,      "192.167.255.255"sv, "192.169.0.0"sv, "198.17.255.255"sv,
        "198.20.0.0"sv,     "223.255.255.255"sv, "::1:0:0"sv,     "64:ff9a:ffff::"sv,
        "64:ff9b::1:0:0"sv, "64:ff9b:2::"sv,     "2000:ffff::"sv, "2001:1::"sv,
        "2001:67c:4e8::"sv, "2003::"sv,          "fbff:ffff::"sv, "fe00::"sv,
        "fe7f:ffff::"sv})
    CHECK_MESSAGE(why_not(text).empty(), text);
}

TEST_CASE("fronting_address: a mapped address is judged by the IPv4 address in it") {
  CHECK(why_not("::ffff:127.0.0.1") == "this machine");
  CHECK(why_not("::ffff:10.0.0.1") == "a private network");
  CHECK(why_not("::ffff:192.0.2.1").empty());
  // One that is not quite mapped, as some stacks take it.
  CHECK_FALSE(why_not("::7f00:1").empty());
}

TEST_CASE("fronting_address: our own addresses are not dialled") {
  const std::vector own{*ip_address::parse("192.0.2.1"), *ip_address::parse("2001:db8::1")};
  CHECK(why_not("192.0.2.1", own) == "this machine");
  CHECK(why_not("::ffff:192.0.2.1", own) == "this machine");
  CHECK(why_not("2001:db8::1", own) == "this machine");
  CHECK(why_not("192.0.2.2", own).empty());
  CHECK(why_not("2001:db8::2", own).empty());
}

TEST_CASE("fronting_address: no private address is dialled") {
  check_property([] {
    const auto ip = *any_ip();
    RC_ASSERT(!ip.is_private() || !why_not_dialled(ip, {}).empty());
    RC_ASSERT(!why_not_dialled(ip, std::array{ip}).empty());
  });
}

}  // namespace
}  // namespace mtp
