// Look-ups against a name server of the test's own.
#include "net/dial/resolver.hpp"

#include <fstream>

#include "tests/net/dial/dial_fixture.hpp"

namespace mtp::net {
namespace {

using test::dns_fault;
using namespace std::chrono_literals;

const ip_address first = ip_address::v4({192, 0, 2, 1});
const ip_address second = ip_address::v4({192, 0, 2, 2});
const ip_address sixth = *ip_address::parse("2001:db8::1");

struct lookup_fixture : test::dial_fixture {
  /// Starts a look-up, whose answer goes to `answers`.
  std::unique_ptr<name_lookup> start(const std::string& host) {
    return std::make_unique<name_lookup>(
        names, host, [this](name_answer answer) { answers.push_back(std::move(answer)); });
  }
  name_answer look_up(const std::string& host, std::chrono::milliseconds tick = 0ms) {
    answers.clear();
    const auto lookup = start(host);
    REQUIRE(answers.empty());
    REQUIRE(soon([&] { return !answers.empty(); }, tick));
    CHECK(answers.size() == 1);
    return answers.front();
  }
  std::string problem(const std::string& host, std::chrono::milliseconds tick = 0ms) {
    const auto answer = look_up(host, tick);
    return answer ? "none" : answer.error().text;
  }
  std::vector<ip_address> sorted(const std::string& host) {
    auto found = look_up(host).value();
    std::ranges::sort(found);
    return found;
  }

  std::vector<name_answer> answers;
};

TEST_CASE_FIXTURE(lookup_fixture, "resolver: a name has addresses of both families") {
  dns.set("back.test", {.addresses = {first, sixth, second}});
  auto expected = std::vector{first, second, sixth};
  std::ranges::sort(expected);
  CHECK(sorted("back.test") == expected);
  CHECK(names.in_flight() == 0);
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: an answer is kept for its TTL, in any case") {
  dns.set("back.test", {.addresses = {first}, .ttl = 30});
  CHECK(look_up("back.test"));
  CHECK(look_up("BACK.test"));
  CHECK(dns.asked("back.test") == 1);
  loop.advance(29s);
  CHECK(look_up("back.test"));
  CHECK(dns.asked("back.test") == 1);
  dns.set("back.test", {.addresses = {second}});
  loop.advance(2s);
  CHECK(look_up("back.test") == name_answer{std::vector{second}});
  CHECK(dns.asked("back.test") == 2);
  SUBCASE("unless it was of no use") {
    names.forget("Back.Test");
    CHECK(look_up("back.test"));
    CHECK(dns.asked("back.test") == 3);
  }
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: a TTL of 0 is one second") {
  dns.set("back.test", {.addresses = {first}, .ttl = 0});
  CHECK(look_up("back.test"));
  CHECK(look_up("back.test"));
  CHECK(dns.asked("back.test") == 1);
  loop.advance(1s);
  CHECK(look_up("back.test"));
  CHECK(dns.asked("back.test") == 2);
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: equal look-ups are one question") {
  dns.set("back.test", {.addresses = {first}});
  std::vector<std::unique_ptr<name_lookup>> all;
  for (int i = 0; i < 20; ++i)
    all.push_back(start("back.test"));
  CHECK(names.in_flight() == 1);
  all[3].reset();
  REQUIRE(soon([&] { return answers.size() == 19; }));
  CHECK(dns.asked("back.test") == 1);
  CHECK(answers.back() == name_answer{std::vector{first}});
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: questions at the same time have a limit") {
  std::vector<std::unique_ptr<name_lookup>> all;
  for (const auto* const name : {"a.test", "b.test", "c.test", "d.test"})
    all.push_back(start(name));
  CHECK(names.in_flight() == 3);
  loop.turn();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].error().text == "3 other names are being looked up, which is the most");
  CHECK(answers[0].error().problem == lookup_problem::failed);
  SUBCASE("which others give back") {
    all[0].reset();
    CHECK(names.in_flight() == 2);
    all.push_back(start("d.test"));
    CHECK(names.in_flight() == 3);
  }
  all.clear();
  CHECK(names.in_flight() == 0);
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: what is not there is said, and kept for 5 s") {
  dns.set("empty.test", {});
  CHECK(problem("none.test") == "there is no such name");
  CHECK(problem("empty.test") == "it has no address");
  CHECK(problem("none.test") == "there is no such name");
  CHECK(problem("empty.test") == "it has no address");
  CHECK(dns.asked("none.test") == 1);
  CHECK(dns.asked("empty.test") == 1);
  dns.set("none.test", {.addresses = {first}});
  loop.advance(5s);
  CHECK(look_up("none.test"));
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: failures of name servers are said, and not kept") {
  SUBCASE("SERVFAIL") {
    dns.set("back.test", {.rcode = 2});
    CHECK(problem("back.test") ==
          "each name server fails (SERVFAIL), refuses, or can't be reached");
  }
  SUBCASE("nobody there") {
    dns.write_resolv_conf("nameserver 127.0.0.2\n");
    CHECK(problem("back.test") ==
          "each name server fails (SERVFAIL), refuses, or can't be reached");
  }
  SUBCASE("silence") {
    dns.set("back.test", {.v4 = dns_fault::silent, .v6 = dns_fault::silent});
    CHECK(problem("back.test", 1ms) == "no name server answers");
    CHECK(dns.asked("back.test") == 2);
  }
  SUBCASE("noise is as good as silence") {
    dns.set("back.test", {.v4 = dns_fault::noise, .v6 = dns_fault::noise});
    CHECK(problem("back.test", 1ms) == "no name server answers");
  }
  SUBCASE("half an answer") {
    dns.set("back.test", {.addresses = {first, sixth}, .v4 = dns_fault::cut, .v6 = dns_fault::cut});
    CHECK(problem("back.test") == "Misformatted DNS reply");
  }
  dns.write_resolv_conf("nameserver 127.0.0.1\n");
  dns.set("back.test", {.addresses = {first}});
  CHECK(look_up("back.test"));
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: the limit of a look-up") {
  SUBCASE("nothing is known by then") {
    dns.set("back.test", {.v4 = dns_fault::silent, .v6 = dns_fault::silent});
    CHECK(problem("back.test", 2600ms) == "no answer to the look-up within 5 s");
  }
  SUBCASE("one family is: some name servers never answer for the other") {
    dns.set("back.test", {.addresses = {first}, .v6 = dns_fault::silent});
    const auto lookup = start("back.test");
    turn(20);
    CHECK(answers.empty());
    loop.advance(5100ms);
    turn();
    REQUIRE(answers.size() == 1);
    CHECK(answers[0] == name_answer{std::vector{first}});
  }
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: the second name server is asked if the first fails") {
  dns.write_resolv_conf("nameserver 127.0.0.2\nnameserver 127.0.0.1\n");
  dns.set("back.test", {.addresses = {first}});
  // c-ares learns for one of its two packets only that no server is there.
  CHECK(look_up("back.test", 1ms));
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: resolv.conf counts as it is now") {
  dns.set("back.test", {.addresses = {first}});
  dns.write_resolv_conf("");
  {
    // As at the start of a machine: there is no network yet.
    std::ofstream{dns.resolv_conf()} << "# nothing\nnameserver 127.0.0.2\n";
    CHECK_FALSE(look_up("back.test"));
  }
  dns.write_resolv_conf("nameserver 127.0.0.1\n");
  CHECK(look_up("back.test"));
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: addresses and localhost need no name server") {
  CHECK(look_up("192.0.2.1") == name_answer{std::vector{first}});
  CHECK(look_up("2001:db8::1") == name_answer{std::vector{sixth}});
  CHECK(look_up("[2001:db8::1]") == name_answer{std::vector{sixth}});
  const auto local = look_up("localhost").value();
  CHECK(std::ranges::find(local, ip_address::v4({127, 0, 0, 1})) != local.end());
  CHECK(dns.asked("localhost") == 0);
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: what can't be a name is not asked for") {
  for (const auto& bad : {std::string{}, std::string{"a b"}, std::string{"a\0b", 3},
                          std::string(254, 'a'), std::string{"caf\xc3\xa9"}})
    CHECK(problem(bad) == "it can't be the name of a host");
  CHECK(problem(std::string(64, 'a') + ".test") == "it can't be the name of a host");
}

TEST_CASE_FIXTURE(lookup_fixture, "resolver: look-ups may be destroyed at any moment") {
  dns.set("back.test", {.addresses = {first}});
  SUBCASE("at any turn of the loop") {
    for (int turns = 0; turns < 12; ++turns) {
      const auto lookup = start("back.test");
      turn(turns);
      names.forget("back.test");
    }
    CHECK(names.in_flight() == 0);
  }
  SUBCASE("by a callback, its own or another's") {
    std::vector<std::unique_ptr<name_lookup>> all(3);
    int told = 0;
    for (auto& lookup : all)
      lookup = std::make_unique<name_lookup>(names, "back.test", [&](const name_answer&) {
        ++told;
        all.clear();
      });
    REQUIRE(soon([&] { return told > 0; }));
    turn();
    CHECK(told == 1);
  }
  SUBCASE("after the resolver") {
    auto gone = std::make_unique<resolver>(loop, resolver_options{});
    const name_lookup lookup{*gone, "localhost", [](const name_answer&) { FAIL("told"); }};
    gone.reset();
  }
}

}  // namespace
}  // namespace mtp::net
