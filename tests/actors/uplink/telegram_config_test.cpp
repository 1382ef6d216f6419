// Telegram's configuration: which DC serves a client, and what is kept in files.
#include "actors/uplink/middle/telegram_config.hpp"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "net/loop/entropy.hpp"
#include "tests/support/process.hpp"

namespace mtp::actors {
namespace {

TEST_CASE("Telegram: unknown DCs go to the default, known ones to themselves") {
  const auto config = built_in_telegram_config();
  CHECK(config.resolve(4) == 4);
  CHECK(config.resolve(-203) == -203);
  CHECK(config.resolve(17) == 2);
  CHECK_FALSE(telegram_config{}.resolve(2));
  CHECK(config.endpoints(4, false).front().ip.is_v4());
  CHECK_FALSE(config.endpoints(4, true).front().ip.is_v4());
  CHECK(config.dcs().size() == 12);
  CHECK(is_proxy_secret(config.secret));
}

TEST_CASE("Telegram: media of a DC without middle proxies of their own go to the DC itself") {
  auto config = built_in_telegram_config();
  for (auto* const list : {&config.v4, &config.v6})
    list->endpoints.erase(-4);
  CHECK(config.resolve(-4) == 4);
  CHECK(config.resolve(-17) == 2);
  for (auto* const list : {&config.v4, &config.v6})
    list->endpoints.erase(4);
  CHECK(config.resolve(-4) == 2);
}

TEST_CASE("Telegram: what is saved is loaded; what is broken is not believed") {
  const test::temporary_directory place;
  const telegram_config_files files{(place.path() / "state").string()};
  telegram_config loaded;
  CHECK_FALSE(files.load(loaded));
  auto config = built_in_telegram_config();
  config.secret = bytes(64, 0x55);
  REQUIRE(files.save(config).empty());
  CHECK(files.load(loaded));
  CHECK(loaded == config);
  // Only the owner reads the secret.
  const auto mode = std::filesystem::status(place.path() / "state" / "proxy-secret").permissions();
  CHECK((mode & std::filesystem::perms::others_read) == std::filesystem::perms::none);

  std::ofstream{place.path() / "state" / "proxy-config"} << "proxy_for what?";
  telegram_config again;
  CHECK_FALSE(files.load(again));
  CHECK(again.v4.endpoints.empty());
  CHECK(again.secret == config.secret);

  CHECK(files.save(config).empty());
  const telegram_config_files nowhere{"/proc/no/such/place"};
  CHECK_FALSE(nowhere.save(config).empty());
}

TEST_CASE("Telegram: a captive portal's page is no secret") {
  for (const std::string page : {
           "<html><body>Please-log-in-to-use-this-network</body></html>",
           "Access to this resource is blocked by order of the regulator.",
           "Доступ ограничен по решению суда",
           "{\"error\":\"forbidden\",\"code\":451,\"by\":\"regulator\"}",
       }) {
    CAPTURE(page);
    CHECK_FALSE(is_proxy_secret(as_bytes(page)));
  }
  CHECK(is_proxy_secret(as_bytes(std::string(64, 'a'))));
  CHECK(is_proxy_secret(net::random_array<128>()));
  CHECK_FALSE(is_proxy_secret(bytes(31)));
  CHECK_FALSE(is_proxy_secret(bytes(257)));
  CHECK(is_proxy_secret(bytes(32)));
  CHECK(is_proxy_secret(bytes(256)));
}

}  // namespace
}  // namespace mtp::actors
