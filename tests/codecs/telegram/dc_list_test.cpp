#include "codecs/telegram/dc_list.hpp"

#include <algorithm>
#include <array>
#include <sstream>

#include "tests/support/property.hpp"

namespace mtp {
namespace {

using test::any_endpoint;
using test::check_property;

endpoint at(std::string_view text) {
  const auto parsed = parse_endpoint(text);
  REQUIRE_MESSAGE(parsed, text);
  return *parsed;
}

/// A text of good lines only.
dc_list read_all(std::string_view text) {
  const auto got = parse_dc_list(text);
  REQUIRE_MESSAGE(got, text);
  CHECK_MESSAGE(got->broken_count == 0, text);
  return got->list;
}

void check_bad(std::string_view text) {
  const auto got = parse_dc_list(text);
  REQUIRE_MESSAGE(!got, text);
  CHECK(got.error() == errc::bad_dc_list);
}

// The form of core.telegram.org/getProxyConfig; addresses are examples.
TEST_CASE("dc_list: the text as Telegram serves it") {
  const auto got = read_all(
      "# force_probability 10 10\n"
      "default 2;\n"
      "proxy_for 1 149.154.175.50:8888;\n"
      "proxy_for -1 149.154.175.50:8888;\n"
      "proxy_for 2 149.154.161.144:8888;\n"
      "proxy_for -2 149.154.161.144:8888;\n"
      "proxy_for 4 91.108.4.215:8888;\n"
      "proxy_for 4 91.108.4.132:8888;\n"
      "proxy_for 203 91.105.192.110:443;\n");
  const dc_list expected{.default_dc = 2,
                         .endpoints = {{1, {at("149.154.175.50:8888")}},
                                       {-1, {at("149.154.175.50:8888")}},
                                       {2, {at("149.154.161.144:8888")}},
                                       {-2, {at("149.154.161.144:8888")}},
                                       {4, {at("91.108.4.215:8888"), at("91.108.4.132:8888")}},
                                       {203, {at("91.105.192.110:443")}}}};
  CHECK(got == expected);
}

TEST_CASE("dc_list: getProxyConfigV6 has addresses in brackets") {
  const auto got = read_all("default 2;\nproxy_for -4 [2001:67c:4e8:f004::d]:8888;\n");
  CHECK(got.endpoints.at(-4) == std::vector{at("[2001:67c:4e8:f004::d]:8888")});
}

TEST_CASE("dc_list: blanks, carriage returns and semicolons may stand around") {
  const auto got = read_all(
      "\r\n  \n\t default   3 ;\r\n"
      "\tproxy_for\t1   1.2.3.4:80\t;;\r\n"
      "proxy_for 2 1.2.3.4:81");  // neither semicolon nor end of line
  CHECK(got.default_dc == 3);
  CHECK(got.endpoints.size() == 2);
  CHECK(got.endpoints.at(2) == std::vector{at("1.2.3.4:81")});
}

TEST_CASE("dc_list: lines of other kinds are skipped") {
  const auto got = read_all(
      "# default 9;\n"
      "#proxy_for 9 1.2.3.4:80;\n"
      "min_connections 5;\n"
      "proxy_for_all 1.2.3.4:80;\n"
      "defaults x;\n"
      ";;;\n"
      "proxy_for 1 1.2.3.4:80;\n");
  CHECK_FALSE(got.default_dc);
  CHECK(got.endpoints.size() == 1);
}

TEST_CASE("dc_list: a comment may end any line") {
  const auto got = read_all(
      "default 2; # default 3;\n"
      "proxy_for 1 1.2.3.4:80;#x\n"
      "proxy_for 1 1.2.3.4:81 # proxy_for 1 1.2.3.4:82;\n");
  CHECK(got.default_dc == 2);
  CHECK(got.endpoints.at(1) == std::vector{at("1.2.3.4:80"), at("1.2.3.4:81")});
  check_bad("proxy_for 1 # 1.2.3.4:80;\n");
}

TEST_CASE("dc_list: an endpoint that comes twice is kept once, where it came first") {
  const auto got = read_all(
      "proxy_for 1 1.2.3.4:80;\n"
      "proxy_for 1 1.2.3.4:81;\n"
      "proxy_for 1 1.2.3.4:80;\n");
  CHECK(got.endpoints.at(1) == std::vector{at("1.2.3.4:80"), at("1.2.3.4:81")});
}

TEST_CASE("dc_list: a text without an endpoint is refused") {
  check_bad("");
  check_bad("default 2;\n");
  check_bad("<html><body>502 Bad Gateway</body></html>\n");
}

constexpr std::array<std::string_view, 23> broken_lines{
    "default;",
    "default x;",
    "default 2 3;",
    "default 32768;",
    "default 2.5;",
    "proxy_for;",
    "proxy_for 1;",
    "proxy_for x 1.2.3.4:80;",
    "proxy_for 1 1.2.3.4;",
    "proxy_for 1 1.2.3.4:;",
    "proxy_for 1 1.2.3.4:0;",
    "proxy_for 1 1.2.3.4:65536;",
    "proxy_for 1 1.2.3.400:80;",
    "proxy_for 1 example.com:80;",
    "proxy_for 1 1.2.3.4:80 x;",
    "proxy_for 1 1.2.3.4:80 timeout 5;",
    "proxy_for 1 2001:db8::1:80;",
    "proxy_for 1 [2001:db8::1];",
    "proxy_for -32769 1.2.3.4:80;",
    "proxy_for +1 1.2.3.4:80;",
    "proxy_for 1.2.3.4:80;",
    "proxy_for 1; 1.2.3.4:80;",
    "proxy_for 1 1.2.3.4:80; proxy_for 2 1.2.3.4:80;"};

TEST_CASE("dc_list: a broken line is left out and named") {
  const std::string good = "default 2;\nproxy_for 1 1.2.3.4:80;\nproxy_for 2 1.2.3.4:81;\n";
  const auto expected = read_all(good);
  for (const auto line : broken_lines) {
    for (const auto& [text, number] :
         {std::pair{std::string{line} + '\n' + good, 1}, std::pair{good + std::string{line}, 4}}) {
      const auto got = parse_dc_list(text);
      REQUIRE_MESSAGE(got, text);
      CHECK_MESSAGE(got->list == expected, text);
      CHECK(got->broken_count == 1);
      CHECK(got->broken ==
            std::vector{broken_line{.number = std::size_t(number), .text = std::string{line}}});
    }
  }
}

TEST_CASE("dc_list: broken lines refuse the text if there are as many as good ones") {
  for (const auto line : broken_lines) {
    check_bad(std::string{"proxy_for 1 1.2.3.4:80;\n"}.append(line));
    check_bad(std::string{line}.append("\nproxy_for 1 1.2.3.4:80;\n"));
  }
  const std::string good = "proxy_for 1 1.2.3.4:80;\nproxy_for 1 1.2.3.4:81;\n";
  CHECK(parse_dc_list(good + "default x;\n"));
  // Lines of other kinds are no help.
  check_bad(good + "default x;\ndefault y;\nmin_connections 5;\ntimeout 300;\n# comment\n");
  check_bad("default 2;\ndefault 3;\nproxy_for 1 example.com:80;\n");
}

TEST_CASE("dc_list: what is told of broken lines is printable and bounded") {
  std::string text;
  for (int port = 1; port <= 20; ++port)
    text += "proxy_for 1 1.2.3.4:" + std::to_string(port) + ";\n";
  text += "default \x1b[31m\xff\t;\r\nproxy_for " + std::string(1000, 'x') + "\n";
  const auto two = parse_dc_list(text);
  REQUIRE(two);
  CHECK(two->broken ==
        std::vector<broken_line>{{.number = 21, .text = "default ?[31m??;?"},
                                 {.number = 22, .text = "proxy_for " + std::string(70, 'x')}});
  CHECK(describe_broken_lines(*two) ==
        "line 21 \"default ?[31m??;?\", line 22 \"proxy_for " + std::string(70, 'x') + '"');
  for (int i = 0; i < 5; ++i)
    text += "default x;\n";
  const auto seven = parse_dc_list(text);
  REQUIRE(seven);
  CHECK(seven->broken.size() == max_broken_lines);
  CHECK(seven->broken_count == 7);
  CHECK(describe_broken_lines(*seven).ends_with("line 25 \"default x;\" and 2 more"));
}

TEST_CASE("dc_list: data centers, endpoints and text have bounds") {
  std::string dcs;
  for (std::size_t dc = 0; dc < max_dcs; ++dc)
    dcs += "proxy_for " + std::to_string(dc) + " 1.2.3.4:80;\n";
  CHECK(parse_dc_list(dcs));
  const auto one_dc_more = parse_dc_list(dcs + "proxy_for -1 1.2.3.4:80;\n");
  REQUIRE(one_dc_more);
  CHECK(one_dc_more->list == parse_dc_list(dcs)->list);
  CHECK(one_dc_more->broken_count == 1);

  std::string endpoints;
  for (std::size_t port = 1; port <= max_endpoints_per_dc; ++port)
    endpoints += "proxy_for 1 1.2.3.4:" + std::to_string(port) + ";\n";
  CHECK(parse_dc_list(endpoints));
  const auto one_more = parse_dc_list(endpoints + "proxy_for 1 1.2.3.5:1;\n");
  REQUIRE(one_more);
  CHECK(one_more->list == parse_dc_list(endpoints)->list);
  CHECK(one_more->broken_count == 1);

  std::string text = "proxy_for 1 1.2.3.4:80;\n";
  text.resize(max_dc_list_text, '\n');
  CHECK(parse_dc_list(text));
  check_bad(text + '\n');
}

/// At least one DC, each with endpoints of its own.
rc::Gen<dc_list> any_dc_list() {
  const auto distinct = rc::gen::nonEmpty(rc::gen::unique<std::vector<endpoint>>(any_endpoint()));
  return rc::gen::build<dc_list>(
      rc::gen::set(&dc_list::default_dc,
                   rc::gen::oneOf(rc::gen::just(std::optional<dc_id>{}),
                                  rc::gen::map(rc::gen::arbitrary<dc_id>(),
                                               [](dc_id dc) { return std::optional{dc}; }))),
      rc::gen::set(&dc_list::endpoints,
                   rc::gen::nonEmpty(rc::gen::container<std::map<dc_id, std::vector<endpoint>>>(
                       rc::gen::arbitrary<dc_id>(), distinct))));
}

TEST_CASE("dc_list: what is written is read back") {
  check_property([] {
    const auto list = *any_dc_list();
    const auto got = parse_dc_list(format_dc_list(list));
    RC_ASSERT(got);
    RC_ASSERT(got->list == list);
    RC_ASSERT(got->broken_count == 0u);
  });
}

TEST_CASE("dc_list: broken lines between good ones change nothing and are counted") {
  check_property([] {
    const auto list = *any_dc_list();
    std::vector<std::string> lines;
    std::istringstream text{format_dc_list(list)};
    for (std::string line; std::getline(text, line);)
      lines.push_back(line);
    const auto good = lines.size();
    const auto broken = *rc::gen::inRange<std::size_t>(0, good);
    for (std::size_t i = 0; i < broken; ++i)
      lines.emplace(lines.begin() + *rc::gen::inRange<std::ptrdiff_t>(0, std::ssize(lines)),
                    *rc::gen::elementOf(broken_lines));
    std::string all;
    for (const auto& line : lines)
      all += line + '\n';
    const auto got = parse_dc_list(all);
    RC_ASSERT(got);
    RC_ASSERT(got->list == list);
    RC_ASSERT(got->broken_count == broken);
    for (const auto& found : got->broken)
      RC_ASSERT(lines[found.number - 1] == found.text);
  });
}

TEST_CASE("dc_list: any text is read, and then holds endpoints within bounds, or refused") {
  check_property([] {
    const auto words =
        rc::gen::element<std::string>("default", "proxy_for", "1", "-2", "1.2.3.4:80", "[::1]:80",
                                      ";", "\n", " ", "\t", "#", "x", std::string(1, '\0'));
    std::string text;
    for (const auto& word : *rc::gen::container<std::vector<std::string>>(words))
      text += word;
    const auto got = parse_dc_list(text);
    if (!got) return;
    const auto& list = got->list;
    RC_ASSERT(!list.endpoints.empty());
    RC_ASSERT(
        std::ranges::none_of(list.endpoints, [](const auto& dc) { return dc.second.empty(); }));
    RC_ASSERT(parse_dc_list(format_dc_list(list))->list == list);
  });
}

}  // namespace
}  // namespace mtp
