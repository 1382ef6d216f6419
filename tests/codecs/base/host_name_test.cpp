#include "codecs/base/host_name.hpp"

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::check_property;
using namespace std::literals;

TEST_CASE("host_name: labels of letters, digits, - and _") {
  for (const auto text : {"example.com"sv, "EXAMPLE.com"sv, "a"sv, "xn--e1afmkfd.xn--p1ai"sv,
                          "_dmarc.a-b.c1"sv, "1.2.3.4.example"sv, "0x1.example"sv, "3com"sv})
    CHECK_MESSAGE(is_host_name(text), text);
  const std::string label(63, 'a');
  CHECK(is_host_name(label + '.' + label + '.' + label + '.' + std::string(61, 'a')));
}

TEST_CASE("host_name: what is no name") {
  const std::string label(63, 'a');
  for (const auto& text : {""s,
                           "."s,
                           ".."s,
                           "a."s,
                           ".a"s,
                           "a..b"s,
                           "-a.b"s,
                           "a-.b"s,
                           "a b"s,
                           "a/b"s,
                           "a:1"s,
                           "*.a"s,
                           "1.2.3.4"s,
                           "1.2.3.400"s,
                           "127"s,
                           "a.1"s,
                           "[::1]"s,
                           "::1"s,
                           "2001:db8::1"s,
                           "p\xd1\x80.com"s,
                           "a\0.com"s,
                           label + "a.com",
                           label + '.' + label + '.' + label + '.' + label})
    CHECK_MESSAGE(!is_host_name(text), text);
}

TEST_CASE("host_name: case and the dot at the end make no difference") {
  CHECK(normal_host_name("Example.COM") == "example.com");
  CHECK(normal_host_name("example.com.") == "example.com");
  CHECK(normal_host_name("XN--E1AFMKFD.xn--p1ai") == "xn--e1afmkfd.xn--p1ai");
  for (const auto text : {""sv, "."sv, "example.com.."sv, "1.2.3.4"sv, "1.2.3.4."sv, "0x7f.0x1"sv,
                          "0X7F000001"sv, "1.2.3.0x4."sv, "exa mple.com"sv})
    CHECK_MESSAGE(!normal_host_name(text), text);
}

TEST_CASE("host_name: a normal name is its own normal form, and as long as allowed") {
  check_property([] {
    const auto letters = rc::gen::element('a', 'Z', '0', 'x', '-', '_', '.', '*', '\xd1');
    const auto text = *rc::gen::container<std::string>(letters);
    const auto name = normal_host_name(text);
    if (!name) return;
    RC_ASSERT(normal_host_name(*name) == name);
    RC_ASSERT(name == normal_host_name(*name + '.'));
    RC_ASSERT(is_host_name(*name));
    RC_ASSERT(*name == lower_case(*name));
  });
}

}  // namespace
}  // namespace mtp
