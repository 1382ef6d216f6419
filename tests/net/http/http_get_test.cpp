#include "net/http/http_get.hpp"

#include <doctest/doctest.h>

#include "tests/support/fake_telegram.hpp"

namespace mtp::net {
namespace {

using namespace std::chrono_literals;

const std::atomic<bool> go_on = false;

TEST_CASE("a text is fetched whole") {
  const test::fake_telegram telegram;
  const auto secret = http_get({.url = telegram.secret_url()}, go_on);
  REQUIRE(secret);
  CHECK(to_bytes(as_bytes(secret->body)) == telegram.secret());
  const auto address = http_get({.url = telegram.url("/ip"), .family = http_family::v4}, go_on);
  REQUIRE(address);
  CHECK(address->body == "127.0.0.1\n");
}

TEST_CASE("what the server says the time is comes with the text") {
  const test::fake_telegram telegram;
  const auto secret = http_get({.url = telegram.secret_url()}, go_on);
  REQUIRE(secret);
  REQUIRE(secret->date);
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  CHECK(std::abs(*secret->date - now) <= 5);
  const auto without = http_get({.url = telegram.url("/ip")}, go_on);
  REQUIRE(without);
  CHECK_FALSE(without->date);
}

TEST_CASE("a proxy in the environment is for those who want one") {
  const test::fake_telegram telegram;
  for (const auto* const name : {"no_proxy", "NO_PROXY"})
    REQUIRE(::unsetenv(name) == 0);
  // No server is there.
  for (const auto* const name : {"http_proxy", "ALL_PROXY"}) {
    CAPTURE(name);
    REQUIRE(::setenv(name, "http://127.0.0.1:9", 1) == 0);
    CHECK_FALSE(http_get({.url = telegram.url("/ip")}, go_on));
    CHECK(http_get({.url = telegram.url("/ip"), .through_proxy = false}, go_on));
    REQUIRE(::unsetenv(name) == 0);
  }
}

TEST_CASE("another status than 200 is an error") {
  test::fake_telegram telegram;
  CHECK_FALSE(http_get({.url = telegram.url("/absent")}, go_on));
  telegram.set_config_answer(test::config_answer::unavailable);
  const auto dead = http_get({.url = telegram.secret_url()}, go_on);
  REQUIRE_FALSE(dead);
  CHECK(dead.error().find("503") != std::string::npos);
}

TEST_CASE("a longer body than allowed is refused") {
  const test::fake_telegram telegram;
  const auto tiny = http_get({.url = telegram.config_url(), .max_size = 10}, go_on);
  REQUIRE_FALSE(tiny);
  CHECK(tiny.error() == "the answer is longer than 10 bytes");
}

TEST_CASE("only HTTP is spoken, and nobody is waited for in vain") {
  CHECK_FALSE(http_get({.url = "file:///etc/hostname"}, go_on));
  CHECK_FALSE(http_get({.url = "not a url"}, go_on));
  const test::fake_telegram telegram;
  // A middle proxy does not speak HTTP: it says nothing.
  const auto begun = std::chrono::steady_clock::now();
  const auto silent =
      http_get({.url = "http://" + to_string(telegram.middle_proxy(2)), .timeout = 300ms}, go_on);
  CHECK_FALSE(silent);
  CHECK(std::chrono::steady_clock::now() - begun < 5s);
}

TEST_CASE("a fetch can be cancelled") {
  const test::fake_telegram telegram;
  const std::atomic<bool> cancelled = true;
  CHECK_FALSE(http_get({.url = telegram.secret_url()}, cancelled));
}

}  // namespace
}  // namespace mtp::net
