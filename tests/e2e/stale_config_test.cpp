// What was fetched from Telegram, and is not true any more.
#include <csignal>

#include "net/loop/entropy.hpp"
#include "tests/e2e/harness.hpp"

namespace mtp::test {
namespace {

using namespace std::chrono_literals;

bytes other_secret() {
  const auto random = net::random_array<128>();
  return {random.begin(), random.end()};
}

/// Longer than from one refresh to the next.
constexpr auto refresh_patience = 60s + patience;

TEST_CASE("Telegram moves its middle proxies and changes the secret: service is back in a minute" *
          doctest::test_suite("waits")) {
  if (has_link_agents()) {
    MESSAGE("only in one process: it takes a minute, and dc_config is the same in every role");
    return;
  }
  fake_telegram telegram{{.dcs = {2, 4}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto client = proxy.client(secure_protocol(), 4);
  check_echo(client);
  // By default the next refresh would be in an hour.
  telegram.set_secret(other_secret());
  telegram.move_dc(2);
  telegram.move_dc(4);
  CHECK(
      eventually([&] { return telegram.conns(2) > 0 && telegram.conns(4) > 0; }, refresh_patience));
  auto later = proxy.client(secure_protocol(), 4);
  check_echo(later);
}

TEST_CASE("SIGHUP with news from Telegram is heeded at once, however long attempts have failed" *
          doctest::test_suite("waits")) {
  fake_telegram telegram{{.dcs = {2}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto client = proxy.client(secure_protocol());
  check_echo(client);
  telegram.set_secret(other_secret());
  telegram.close_conns(2);
  // 1 + 2 + 4 s: the next attempt would be in 8 s, or more.
  CHECK(eventually([&] { return telegram.conns_accepted(2) >= 2 + 5; }, 60s));
  const auto told = std::chrono::steady_clock::now();
  proxy.telegram_side().program().signal(SIGHUP);
  CHECK(eventually([&] { return telegram.conns(2) > 0; }, 5s));
  CHECK(std::chrono::steady_clock::now() - told < 5s);
  auto later = proxy.client(secure_protocol());
  check_echo(later);
}

TEST_CASE("where Telegram just closes, a wrong clock is named") {
  fake_telegram telegram{{.dcs = {2}, .config_clock_skew = 45}};
  telegram.set_served_secret(other_secret());
  proxy_under_test proxy{{.telegram = &telegram}};
  CHECK(
      proxy.telegram_side().wait_for_output("closed by Telegram before the handshake: this "
                                            "machine's clock is 4"));
  CHECK(
      proxy.telegram_side().wait_for_output(" s behind Telegram's, and at most 30 s are "
                                            "accepted: set it."));
  CHECK(proxy.telegram_side().count_in_output("[warning] this machine's clock is") +
            proxy.telegram_side().count_in_output(" warning this machine's clock is") ==
        1);
}

TEST_CASE("a client stays with its DC when a list lacks it") {
  fake_telegram telegram{{.dcs = {2, 4}}};
  proxy_under_test proxy{{.telegram = &telegram}};
  auto client = proxy.client(secure_protocol(), 4);
  check_echo(client);
  telegram.set_dc_listed(4, false);
  proxy.telegram_side().program().signal(SIGHUP);
  REQUIRE(proxy.telegram_side().wait_for_output("lacks dc 4 all of a sudden: kept for 3 h"));
  // It has nothing in flight, and moves, once: the DC's other connection stays.
  const auto accepted = telegram.conns_accepted(4);
  telegram.close_conn_of(4, telegram.requests().back().id);
  REQUIRE(eventually([&] { return telegram.conns_accepted(4) > accepted; }, patience));
  check_echo(client);
  CHECK(telegram.requests().back().dc == 4);
  CHECK(proxy.metric("downstream_migration_total{listener=\"test\",dc_id=\"4\",result=\"ok\"}") ==
        1);
  auto later = proxy.client(secure_protocol(), 4);
  check_echo(later);
  CHECK(telegram.requests().back().dc == 4);
}

}  // namespace
}  // namespace mtp::test
