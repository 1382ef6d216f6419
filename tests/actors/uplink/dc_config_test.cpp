#include "actors/core/names.hpp"
#include "tests/actors/uplink/dc_config_fixture.hpp"

namespace mtp::actors {
namespace {

TEST_CASE_FIXTURE(config_fixture,
                  "config: what is fetched is published, and every DC gets a pool") {
  start();
  CHECK(known()->secret.empty());
  answer_well();
  CHECK(known()->secret.size() == 128);
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
  CHECK(known()->endpoints(2, false) ==
        std::vector{*parse_endpoint("10.0.0.2:8888"), *parse_endpoint("[2001:db8::2]:443")});
  CHECK(pools == std::vector<std::string>{names::dc_pool(-2), names::dc_pool(2)});
  CHECK(fetches.empty());
}

TEST_CASE_FIXTURE(config_fixture, "config: a DC that is gone for three hours loses its pool") {
  start();
  answer_well();
  const auto lack_one = [&] {
    answer("secret", std::string(128, '\x5e'));
    answer("v4", "default 2;\nproxy_for 2 10.0.0.2:8888;\n");
    refuse("v6");
  };
  tell(refresh_telegram_config{});
  lack_one();
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
  CHECK(stopped.empty());
  node.advance(3h);
  lack_one();
  CHECK(known()->dcs() == std::vector<dc_id>{2});
  CHECK(stopped == std::vector<std::string>{names::dc_pool(-2)});
}

TEST_CASE_FIXTURE(config_fixture,
                  "config: a list without a default DC leaves the one that is known") {
  start();
  answer_well();
  tell(refresh_telegram_config{});
  answer("secret", std::string(128, '\x5e'));
  answer("v4", "default two;\nproxy_for 2 10.0.0.2:8888;\nproxy_for -2 10.0.0.3:8888;\n");
  refuse("v6");
  CHECK(known()->resolve(77) == dc_id{2});
}

TEST_CASE_FIXTURE(config_fixture, "config: the clock of whoever was asked last is known") {
  start();
  CHECK_FALSE(*node.uplink.clock_ahead.get());
  answer("secret", std::string(128, '\x5e'), -45s);
  CHECK(*node.uplink.clock_ahead.get() == -45s);
  CHECK(describe_clock(*node.uplink.clock_ahead.get()) == "45 s behind");
  answer("v4", "default 2;\nproxy_for 2 10.0.0.2:8888;\n", 21s);
  CHECK(describe_clock(*node.uplink.clock_ahead.get()) == "21 s ahead of");
  answer("v6", "proxy_for 2 [2001:db8::2]:443;\n", 20s);
  CHECK(describe_clock(*node.uplink.clock_ahead.get()).empty());
  CHECK(describe_clock({}).empty());
}

TEST_CASE_FIXTURE(config_fixture, "config: a silent server does not keep clients waiting") {
  start();
  node.advance(2s);
  CHECK(known()->secret.empty());
  node.advance(2s);
  CHECK(*known() == built_in_telegram_config());
  CHECK(pools.size() == known()->dcs().size());
  // At last it answers, and nothing is left of the built-in lists.
  answer("secret", std::string(128, '\x5e'));
  answer("v4", "proxy_for 2 10.0.0.2:8888;\n");
  refuse("v6");
  CHECK(known()->dcs() == std::vector<dc_id>{2});
  CHECK(known()->v6.endpoints.empty());
}

TEST_CASE_FIXTURE(config_fixture, "config: secret and list are taken over together or not at all") {
  start();
  answer_well();
  caf::anon_send(config, refresh_telegram_config{});
  node.settle();
  answer("secret", std::string(128, '\x5f'));
  refuse("v4");
  answer("v6", "proxy_for 2 [2001:db8::9]:443;\n");
  CHECK(known()->secret == bytes(128, 0x5e));
  CHECK(known()->endpoints(2, true).front() == *parse_endpoint("[2001:db8::2]:443"));
}

TEST_CASE_FIXTURE(config_fixture, "config: nonsense is not believed") {
  start();
  answer_well();
  const auto before = known();
  caf::anon_send(config, refresh_telegram_config{});
  node.settle();
  SUBCASE("a page instead of a secret") {
    answer("secret", "<html>Please log in</html> and then some more text to be long enough");
  }
  SUBCASE("too short a secret") {
    answer("secret", std::string(31, 's'));
  }
  answer("v4", "<html>Please log in</html>");
  answer("v6", "");
  CHECK(*known() == *before);
}

TEST_CASE_FIXTURE(config_fixture,
                  "config: a broken line is left out, and told until there is another") {
  const test::captured_log log;
  const auto answer_with = [&](const std::string& line, const std::string& v6_line) {
    answer("secret", std::string(128, '\x5e'));
    answer("v4", "proxy_for 2 10.0.0.2:8888;\nproxy_for 3 10.0.0.3:8888;\n" + line);
    answer("v6", "proxy_for 2 [2001:db8::2]:443;\nproxy_for 3 [2001:db8::3]:443;\n" + v6_line);
    CHECK(known()->dcs() == std::vector<dc_id>{2, 3});
    caf::anon_send(config, refresh_telegram_config{});
    node.settle();
  };
  const std::string told = "warning v4: left out what can't be read: line 3 ";
  start();
  answer_with("proxy_for 4 a.example:80;\n", "");
  CHECK(log.count(told + "\"proxy_for 4 a.example:80;\"\n") == 1);
  // The same, hour after hour.
  answer_with("proxy_for 4 a.example:80;\n", "");
  answer_with("proxy_for 4 a.example:80;\n", "default x;");
  CHECK(log.count(told) == 1);
  CHECK(log.count("warning v6: left out what can't be read: line 3 \"default x;\"\n") == 1);
  answer_with("proxy_for 4 b.example:80;\n", "default x;");
  CHECK(log.count(told + "\"proxy_for 4 b.example:80;\"\n") == 1);
  // All is well, and then not.
  answer_with("", "");
  CHECK(log.count("left out") == 3);
  answer_with("proxy_for 4 b.example:80;\n", "");
  CHECK(log.count("left out") == 4);
}

TEST_CASE_FIXTURE(config_fixture,
                  "config: a copy on disk with a broken line is used, and that is told") {
  start();
  answer_well();
  caf::anon_send_exit(config, caf::exit_reason::kill);
  node.settle();
  node.uplink.telegram.set(std::make_shared<telegram_config>());
  std::ofstream{directory.path() / "proxy-config", std::ios::app} << "proxy_for 5 10.0";
  const test::captured_log log;
  start();
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
  CHECK(log.count("/proxy-config: left out what can't be read: line 4 \"proxy_for 5 10.0\"\n") ==
        1);
}

TEST_CASE_FIXTURE(config_fixture, "config: the copy on disk is there before any answer") {
  start();
  answer_well();
  caf::anon_send_exit(config, caf::exit_reason::kill);
  node.settle();
  node.uplink.telegram.set(std::make_shared<telegram_config>());
  pools.clear();
  for (const auto dc : {dc_id{-2}, dc_id{2}})
    node.core.names.remove(names::dc_pool(dc), pool.handle().address());
  start();
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
  CHECK(pools.size() == 2);
}

TEST_CASE_FIXTURE(config_fixture, "config: restarted, it goes on with what was known") {
  node.configure([&](auto& all) { all.process.state_dir.clear(); });
  start();
  answer_well();
  const auto before = known();
  caf::anon_send_exit(config, caf::exit_reason::kill);
  node.settle();
  start();
  CHECK(*known() == *before);
  refuse("secret");
  refuse("v4");
  refuse("v6");
  CHECK(*known() == *before);
}

TEST_CASE_FIXTURE(config_fixture,
                  "config: the fetcher may die: the next attempt finds the next one") {
  const auto dead = node.core.names.find("http_fetcher");
  caf::anon_send_exit(dead, caf::exit_reason::kill);
  node.settle();
  start();
  CHECK(*known() == built_in_telegram_config());
  node.core.names.remove("http_fetcher", dead.address());
  node.advance(12s);
  start_fetcher();
  node.advance(24s);
  answer_well();
  CHECK(known()->dcs() == std::vector<dc_id>{-2, 2});
}

TEST_CASE_FIXTURE(config_fixture, "config: pools come back with their supervisor") {
  start();
  answer_well();
  pools.clear();
  for (const auto dc : {dc_id{-2}, dc_id{2}})
    node.core.names.remove(names::dc_pool(dc), pool.handle().address());
  const auto old = node.core.names.find("dc_pool_sup");
  node.core.names.put("dc_pool_sup",
                      node.system().spawn([this](caf::event_based_actor*) -> caf::behavior {
                        return {[this](const start_child& order) {
                          pools.push_back(order.id);
                          return pool.handle();
                        }};
                      }));
  caf::anon_send_exit(old, caf::exit_reason::kill);
  node.settle();
  node.advance(200ms);
  CHECK(pools == std::vector<std::string>{names::dc_pool(-2), names::dc_pool(2)});
}

}  // namespace
}  // namespace mtp::actors
