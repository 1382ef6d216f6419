// Clients whose clock is wrong, and hellos that are old.
#include "tests/e2e/changing_proxy.hpp"
#include "tests/e2e/fronting_fixture.hpp"
#include "tests/e2e/handshake_start.hpp"

namespace mtp::test {
namespace {

const std::string skewed = protocol_error("tls_clock_skew");

/// A hello whose clock says this, in Unix seconds.
bytes hello_at(const secret16& secret, std::int64_t clock) {
  return make_client_hello(secret, "example.com", static_cast<std::uint32_t>(clock),
                           net::random_array<client_hello_random_size>());
}

bytes hello_off_by(const secret16& secret, std::int64_t seconds) {
  return hello_at(secret, std::time(nullptr) + seconds);
}

struct world {
  fake_telegram telegram{{.dcs = {2}}};
  changing_proxy proxy{{.telegram = &telegram}};

  bool is_answered(const bytes& hello) { return lets_in(*proxy, hello); }
};

TEST_CASE_FIXTURE(world, "client clock: two minutes are tolerated, and those who count from boot") {
  const auto& secret = proxy->secret();
  CHECK(is_answered(hello_off_by(secret, 100)));
  CHECK(is_answered(hello_off_by(secret, -100)));
  CHECK_FALSE(is_answered(hello_off_by(secret, 150)));
  CHECK_FALSE(is_answered(hello_off_by(secret, -150)));
  CHECK(proxy->metric(skewed) == 2);
  const auto booted = hello_at(secret, 4711);
  CHECK(is_answered(booted));
  CHECK(proxy->metric(R"(tls_boot_clock_total{listener="test"})") == 1);
  CHECK(proxy->metric(R"(tls_clock_skew_seconds_count{listener="test",direction="ahead"})") == 2);
  CHECK(proxy->metric(R"(tls_clock_skew_seconds_count{listener="test",direction="behind"})") == 2);
  // It is never outdated: it is known for that long.
  CHECK_FALSE(is_answered(booted));
  auto client = proxy->client(tls_protocol());
  check_echo(client);
}

TEST_CASE_FIXTURE(world, "reload effects: tls_clock_window_sec, ignore_time_skew, tls_boot_clock") {
  const auto& secret = proxy->secret();
  proxy.change("tls_clock_window_sec", "600");
  CHECK(is_answered(hello_off_by(secret, 500)));
  proxy.change("tls_clock_window_sec", "10");
  CHECK_FALSE(is_answered(hello_off_by(secret, -60)));
  proxy.change("ignore_time_skew", "true");
  const auto old = hello_off_by(secret, -60);
  CHECK(is_answered(old));
  CHECK_FALSE(is_answered(old));
  proxy.change("ignore_time_skew", "false");
  CHECK(is_answered(hello_at(secret, 1)));
  proxy.change("tls_boot_clock", "false");
  CHECK_FALSE(is_answered(hello_at(secret, 2)));
}

TEST_CASE("client clock: an old hello is the cover site's, as any that is no client's") {
  const fake_telegram telegram{{.dcs = {2}}};
  const cover_site site;
  const proxy_under_test proxy{
      {.config = "domain_fronting = \"" + site.where() + "\"\nmeasure_sites = false\n",
       .telegram = &telegram}};
  const auto hello = hello_off_by(proxy.secret(), -3600);
  auto visitor = proxy.connect();
  REQUIRE(visitor.send(hello, soon()));
  auto at_site = site.accept(soon());
  CHECK(receive(at_site, hello.size()) == hello);
  CHECK(proxy.wait_for_metric(R"(fronted_total{listener="test",reason="tls_clock_skew"})", 1));
}

}  // namespace
}  // namespace mtp::test
